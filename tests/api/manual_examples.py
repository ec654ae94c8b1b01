"""The examples of the manual in both formats, as its vendor must have meant them.

Its translation and recognition have lost commas and quotes, changed the case of closing tags, put blanks into them, and
left placeholders for numbers. That is mended; key case, types, blanks around values, wrappers and facts are as printed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smsops.api.records import (
    AccountInfo,
    Cancelled,
    Counts,
    CreatedSubAccount,
    DeliveryReport,
    DeliveryReports,
    DeliveryStatus,
    ListRecord,
    Replies,
    Reply,
    Sent,
    SentEmail,
    Simulation,
    SubAccountRecord,
)


@dataclass(frozen=True)
class Example:
    """An answer of a method in a section of the manual, and what it amounts to."""

    section: str
    method: str
    answer: str
    means: Any


def both(section: str, method: str, means: Any, *, json: str, xml: str) -> tuple[Example, Example]:
    """The same facts in both formats."""
    return Example(section, method, json, means), Example(section, method, xml, means)


PHONE = "33612345678"
OTHER = "33612345679"
SMS_ID = "f8c964e0-8e0a-11e5-bf51-0025907cd72e"


def delivered(second: int) -> DeliveryReport:
    return DeliveryReport(PHONE, DeliveryStatus.DELIVERED, "1", "Delivered", datetime(2014, 2, 19, 11, 40, second))


def answer(number: int, *, id: str, at: datetime, text: int) -> Reply:
    return Reply(PHONE, f"Answer {text}", f"ap_{number}", id, at)


FIRST, SECOND = datetime(2014, 2, 14, 15, 9, 5), datetime(2014, 2, 14, 15, 25, 48)
MOS_XML = """
  <mos>
    <mo>
      <phoneNumber> 33612345678 </phoneNumber>
      <id> 32154 </id>
      <campaignId> ap_28400001 </campaignId>
      <Message> Answer 1 </Message>
      <receptionDate> 2014-02-14 3:09:05 p.m. </receptionDate>
    </mo>
    <mo>
      <phoneNumber> 33612345678 </phoneNumber>
      <id> 32157 </id>
      <campaignId> ap_28400001 </campaignId>
      <Message> Answer 2 </Message>
      <receptionDate> 2014-02-14 3:25:48 p.m. </receptionDate>
    </mo>
  </mos>"""
MOS_JSON = """"Mos": [
    {"phoneNumber": "33612345678", "Id": "32154", "campaignId": "ap_28423001", "Message": "Answer 1",
     "receptionDate": "2014-02-14 3:09:05 p.m."},
    {"phoneNumber": "33612345678", "Id": "32157", "campaignId": "ap_28423001", "Message": "Answer 1",
     "receptionDate": "2014-02-14 3:25:48 p.m."}
  ]"""
MOS_OF_XML = (
    answer(28400001, id="32154", at=FIRST, text=1),
    answer(28400001, id="32157", at=SECOND, text=2),
)
MOS_OF_JSON = (
    answer(28423001, id="32154", at=FIRST, text=1),
    answer(28423001, id="32157", at=SECOND, text=1),
)

DETAILS = {
    "lastname": "Doe",
    "firstname": "John",
    "clienttype": "Company",
    "company": "My Company",
    "phone": PHONE,
    "mobile": PHONE,
    "fax": "",
    "email": "subaccountx@msinnovations.com",
    "zip": "06560",
    "city": "Valbonne",
    "country": "France",
    "creationdate": "2014-01-01 10:30:00",
    "lastvisit": "2014-05-20 2:30:00 p.m.",
    "lastactivity": "2014-05-22 5:15:00 p.m.",
    "billlastname": "Doe",
    "billfirstname": "John",
    "billcompany": "My Company",
    "billphone": PHONE,
    "billmobile": PHONE,
    "billaddress": "1240 road sinkholes",
    "billzip": "06560",
    "billcity": "Valbonne",
    "billcountry": "France",
}
IN_XML = {"address": "1240 route sinkholes", "website": "", "billemail": "subaccount1@msinnovations.com"}
IN_JSON = {"address": "1240 road sinkholes", "billemail": "subaccountx@msinnovations.com"}
MICHEL = {"FIRSTNAME": "Michel", "LASTNAME": "Dupont", "SHOP": "allmysms"}
FRANCOIS = {"FIRSTNAME": "Francois", "LASTNAME": "Dupont", "SHOP": "allmysms"}

ANSWERS = (
    Example(
        "§5.2",
        "simplified sending",
        """{"status": 100, "statusText": "Your messages have been sent", "invalidNumbers": "",
            "campaignId": "ap_28400001", "credits": "340"}""",
        Sent(100, "ap_28400001", 340),
    ),
    Example(
        "§6.4",
        "sendSms",
        f"""<sendSMS>
  <status> 100 </status>
  <statusText> Your messages have been sent</statusText>
  <invalidNumbers> </invalidNumbers>
  <campaignId> ap_28400001 </campaignId>
  <credits> 370 </credits>
  <creditsUsed> 15 </creditsUsed>
  <nbContacts> 1 </nbContacts>
  <nbSms> 1 </nbSms>
  <smsIds>
    <sms>
      <phoneNumber> 33612345678 </phoneNumber>
      <smsId> {SMS_ID} </smsId>
    </sms>
  </smsIds>
</sendSMS>""",
        Sent(100, "ap_28400001", 370, 15, 1, 1, sms_ids=((PHONE, SMS_ID),)),
    ),
    Example(
        "§6.4",
        "sendSms",
        f"""{{"status": 100, "statusText": "Your messages have been sent", "invalidNumbers": "",
            "campaignId": "ap_28400001", "credits": "340", "creditsUsed": "15", "nbContacts": "1", "nbSms": "1",
            "smsIds": [{{"phoneNumber": "33612345678", "smsId": "{SMS_ID}"}}]}}""",
        Sent(100, "ap_28400001", 340, 15, 1, 1, sms_ids=((PHONE, SMS_ID),)),
    ),
    Example(
        "§7.2",
        "simulateCampaign",
        """<simulateCampaign>
  <status> 100 </status>
  <statusText> Your messages have been sent</statusText>
  <invalidNumbers> </invalidNumbers>
  <nbCredits> 45 </nbCredits>
  <nbContacts> 3 </nbContacts>
  <nbSms> 3 </nbSms>
</simulateCampaign>""",
        Simulation(45, 3, 3),
    ),
    Example(
        "§7.2",
        "simulateCampaign",
        """{"status": 100, "statusText": "Your messages have been sent", "invalidNumbers": "", "NbCredits": 45,
            "nbContacts": 2, "nbSms": 3}""",
        Simulation(45, 2, 3),
    ),
    *both(
        "§8.2",
        "getAcks",
        DeliveryReports((delivered(35), delivered(36)), "c-1"),
        json="""{
  "acks": [
    {"phoneNumber": "33612345678", "status": "1", "comment": "Delivered", "receptionDate": "2014-02-19 11:40:35"},
    {"phoneNumber": "33612345678", "status": "1", "comment": "Delivered", "receptionDate": "2014-02-19 11:40:36"}
  ],
  "cliMsgId": "c-1"
}""",
        xml="""<getAcks>
  <acks>
    <ack>
      <phoneNumber> 33612345678 </phoneNumber>
      <status> 1 </status>
      <comment> Delivered </comment>
      <receptionDate> 2014-02-19 11:40:35 </receptionDate>
    </ack>
    <ack>
      <phoneNumber> 33612345678 </phoneNumber>
      <status> 1 </status>
      <comment> Delivered </comment>
      <ReceptionDate> 2014-02-19 11:40:36 </ReceptionDate>
    </ack>
  </acks>
<cliMsgId> c-1 </cliMsgId>
</getAcks>""",
    ),
    *both(
        "§9.2",
        "getAckBySmsId",
        (DeliveryReport(PHONE, DeliveryStatus.DELIVERED, "1", "Delivered", datetime(2015, 11, 1, 10, 55)),),
        json="""{"phoneNumber": "33612345678", "status": "1", "comment": "Delivered",
                 "receptionDate": "2015-11-01 10:55:00"}""",
        xml="""<getAckBySmsId>
  <phoneNumber> 33612345678 </phoneNumber>
  <status> 1 </status>
  <comment> Delivered </comment>
  <receptionDate> 2015-11-01 10:55:00 </receptionDate>
</getAckBySmsId>""",
    ),
    Example("§10.2", "getPulls", f"<GetPulls>{MOS_XML}\n</GetPulls>", MOS_OF_XML),
    Example("§10.2", "getPulls", f"{{{MOS_JSON}}}", MOS_OF_JSON),
    Example("§11.2", "getPull", f"<GetPull>{MOS_XML}<cliMsgId> c-1 </cliMsgId></GetPull>", Replies(MOS_OF_XML, "c-1")),
    Example("§11.2", "getPull", f'{{{MOS_JSON}, "CliMsgId": "c-1"}}', Replies(MOS_OF_JSON, "c-1")),
    Example(
        "§12.2",
        "getPullBySmsId",
        """<Getpullbysmsid>
  <phoneNumber> 33612345678 </phoneNumber>
  <campaignId> ap_28400001 </campaignId>
  <Message> This is an answer </Message>
  <ReceptionDate> 2015-11-01 4:00:00 p.m. </ReceptionDate>
</Getpullbysmsid>""",
        (Reply(PHONE, "This is an answer", "ap_28400001", None, datetime(2015, 11, 1, 16)),),
    ),
    Example(
        "§12.2",
        "getPullBySmsId",
        """{"phoneNumber ": " 33612345678 ", "campaignId ": " ap_28400001 ", "message ": " Test response ",
            "receptionDate": "2015-11-02 4:01:00 p.m."}""",
        (Reply(PHONE, "Test response", "ap_28400001", None, datetime(2015, 11, 2, 16, 1)),),
    ),
    *both(
        "§13.2",
        "getInfo",
        AccountInfo(
            "Active Account",
            1847,
            "vikmakey",
            {
                "lastname": "Dupont",
                "firstname": "Mark",
                "society": "allmysms.com",
                "email": "support@allmysms.com",
            },
        ),
        json="""{"status": "Active Account", "credits": "1847", "ApiKey": "vikmakey", "LastName": "Dupont",
                 "FirstName": "Mark", "Society": "allmysms.com", "Email": "support@allmysms.com"}""",
        xml="""<GetInfo>
  <status> Active Account </status>
  <credits> 1847 </credits>
  <apiKey> vikmakey </apiKey>
  <lastName> Dupont </lastName>
  <firstName> Mark </firstName>
  <Society> allmysms.com </Society>
  <email> support@allmysms.com </email>
</GetInfo>""",
    ),
    Example(
        "§14.2",
        "getBlacklist",
        """<GetBlacklist>
  <blacklist>
    <contact>
      <phoneNumber> 33612345678 </phoneNumber>
      <comment> stop </comment>
      <receptionDate> 2014-02-18 12:10:23 </receptionDate>
    </contact>
    <contact>
      <phoneNumber> 33612345679 </phoneNumber>
      <comment> Refused </comment>
      <receptionDate> 2014-02-18 11:32:11 </receptionDate>
    </contact>
  </blacklist>
</GetBlacklist>""",
        frozenset({PHONE, OTHER}),
    ),
    Example(
        "§14.2",
        "getBlacklist",
        """[{"Blacklist": [{"phoneNumber": "33612345678", "comment": "stop", "receptionDate": "2014-02-18 12:10:23"}]}]""",
        frozenset({PHONE}),
    ),
    *both(
        "§15.2",
        "deleteCampaign",
        Cancelled(already=False),
        json='{"status": "OK"}',
        xml="<DeleteCampaign>\n<status> OK </status>\n</DeleteCampaign>",
    ),
    *both(
        "§16.3",
        "createSubAccount",
        CreatedSubAccount(None),
        json='{"status": "1", "Text": "Sub-account successfully created"}',
        xml="<CreateSubAccount><status> 1 </status><text> Sub-account successfully created </text></CreateSubAccount>",
    ),
    *both(
        "§17.3",
        "updateSubAccount",
        None,
        json='{"status": "1", "Text": "Sub-account successfully updated"}',
        xml="<UpdateSubAccount><status> 1 </status><text> Sub-account successfully updated </text></UpdateSubAccount>",
    ),
    Example(
        "§18.2",
        "getSubAccounts",
        """<GetSubAccounts>
  <total> 1 </total>
  <subaccounts>
    <subaccount>
      <Login>subaccountx </Login>
      <LastName> Doe </LastName>
      <FirstName> John </FirstName>
      <ClientType> Company </ClientType>
      <Company> My Company </Company>
      <Phone> 33612345678 </Phone>
      <Mobile> 33612345678 </Mobile>
      <Fax> </Fax>
      <Email> subaccountx@msinnovations.com </Email>
      <WebSite> </WebSite>
      <Address> 1240 route sinkholes </Address>
      <Zip> 06560 </Zip>
      <City>Valbonne </City>
      <Country> France </Country>
      <CreationDate> 2014-01-01 10:30:00 </CreationDate>
      <LastVisit> 2014-05-20 2:30:00 p.m. </LastVisit>
      <LastActivity> 2014-05-22 5:15:00 p.m. </LastActivity>
      <BillLastName> Doe </BillLastName>
      <BillFirstName> John </BillFirstName>
      <BillCompany> My Company </BillCompany>
      <BillPhone> 33612345678 </BillPhone>
      <BillMobile> 33612345678 </BillMobile>
      <BillEmail> subaccount1@msinnovations.com </BillEmail>
      <BillAddress> 1240 road sinkholes </BillAddress>
      <BillZip> 06560 </BillZip>
      <BillCity> Valbonne </BillCity>
      <BillCountry> France </BillCountry>
      <credits> 1500 </credits>
    </subaccount>
  </subaccounts>
</GetSubAccounts>""",
        (SubAccountRecord("subaccountx", 1500, DETAILS | IN_XML),),
    ),
    Example(
        "§18.2",
        "getSubAccounts",
        """{"Total": 1, "Subaccounts": [{
  "Login": "subaccountx", "LastName": "Doe", "FirstName": "John", "ClientType": "Company", "Company": "My Company",
  "Phone": "33612345678", "Mobile": "33612345678", "Fax": "", "Email": "subaccountx@msinnovations.com",
  "Address": "1240 road sinkholes", "Zip": "06560", "City": "Valbonne", "Country": "France",
  "CreationDate": "2014-01-01 10:30:00", "LastVisit": "2014-05-20 2:30:00 p.m.",
  "LastActivity": "2014-05-22 5:15:00 p.m.", "BillLastName": "Doe", "BillFirstName": "John",
  "BillCompany": "My Company", "BillPhone": "33612345678", "BillMobile": "33612345678",
  "BillEmail": "subaccountx@msinnovations.com", "BillAddress": "1240 road sinkholes", "BillZip": "06560",
  "BillCity": "Valbonne", "BillCountry": "France", "credits": "1500"}]}""",
        (SubAccountRecord("subaccountx", 1500, DETAILS | IN_JSON),),
    ),
    *both(
        "§18.2",
        "getSubAccounts",
        (),
        json='{"status": 0, "statusText": "No subaccount found"}',
        xml="<GetSubAccounts><status> 0 </status><statusText> No subaccount found </statusText></GetSubAccounts>",
    ),
    *both(
        "§19.2",
        "manageSubAccountCredits",
        1500,
        json='{"Subaccount": [{"Login": "subaccountx", "credits": "1500"}]}',
        xml="""<ManageSubAccountCredits>
  <status> OK </status>
  <subaccount>
    <Login>subaccountx </Login>
    <credits> 1500 </credits>
  </subaccount>
</ManageSubAccountCredits>""",
    ),
    *both(
        "§20.2",
        "deleteSubAccount",
        None,
        json='{"status": "1", "statusText": "sub-account has-been successfully deleted"}',
        xml="""<DeleteSubAccount>
  <status> 1 </status>
  <statusText> Sub-account has-been successfully deleted </statusText>
</DeleteSubAccount>""",
    ),
    *both(
        "§21.3",
        "createList",
        None,
        json='{"status": "1", "statusText": "database successfully populated"}',
        xml="<CreateList><status> 1 </status><statusText> database successfully populated </statusText></CreateList>",
    ),
    Example(
        "§22.3",
        "populateList",
        """<PopulateList>
  <status> 1 </status>
  <statusText> list cavavin2 successfully populated </statusText>
  <Success> 0 </Success>
  <Ignored> 1 </Ignored>
  <Duplicated> 0 </Duplicated>
</PopulateList>""",
        Counts(0, 1, 0),
    ),
    Example(
        "§22.3",
        "populateList",
        """{"status": "1", "statusText": "list your base successfully populated", "Success": 1, "Ignored": 3,
            "Duplicated": 2}""",
        Counts(1, 3, 2),
    ),
    *both(
        "§23.3",
        "deleteContacts",
        Counts(0, 6, 0),
        json="""{"status": "1", "statusText": "list your base successfully updated", "Success": 0, "Ignored": 6,
                 "Duplicated": 0}""",
        xml="""<DeleteContacts>
  <status> 1 </status>
  <statusText> list your base successfully updated </statusText>
  <Success> 0 </Success>
  <Ignored> 6 </Ignored>
  <Duplicated> 0 </Duplicated>
</DeleteContacts>""",
    ),
    *both(
        "§24.2",
        "deleteList",
        None,
        json='{"status": "1", "statusText": "your basic list has-been successfully deleted"}',
        xml="""<DeleteList>
  <status> 1 </status>
  <statusText> list your base has-been successfully deleted </statusText>
</DeleteList>""",
    ),
    *both(
        "§25.2",
        "getLists",
        (ListRecord("base name", 120, True, "2015-01-25"), ListRecord("base name", 2, False, "2015-02-05")),
        json="""{"Lists": [
  {"ListName": "base name", "Contacts": "120", "Locked": "1", "CreationDate": "2015-01-25"},
  {"ListName": "base name", "Contacts": "2", "Locked": "0", "CreationDate": "2015-02-05"}
]}""",
        xml="""<GetLists>
  <Lists>
    <List>
      <ListName> base name </ListName>
      <Contact> 120 </Contact>
      <Locked> 1 </Locked>
      <CreationDate> 2015-01-25 </CreationDate>
    </List>
    <List>
      <ListName> base name </ListName>
      <Contact> 2 </Contact>
      <Locked> 0 </Locked>
      <CreationDate> 2015-02-05 </CreationDate>
    </List>
  </Lists>
</GetLists>""",
    ),
    *both(
        "§26.2",
        "getContacts",
        {PHONE: MICHEL, OTHER: FRANCOIS},
        json="""{"Contacts": [
  {"MobilePhone": "33612345678", "Firstname": "Michel", "Lastname": "Dupont", "Shop": "allmysms"},
  {"MobilePhone": "33612345679", "Firstname": "Francois", "Lastname": "Dupont", "Shop": "allmysms"}
]}""",
        xml="""<GetContacts>
  <Contacts>
    <Contact>
      <MobilePhone> 33612345678 </MobilePhone>
      <Firstname> Michel </Firstname>
      <Lastname> Dupont </Lastname>
      <Shop> allmysms </Shop>
    </Contact>
    <Contact>
      <MobilePhone> 33612345679 </MobilePhone>
      <Firstname> Francois </Firstname>
      <Lastname> Dupont </Lastname>
      <Shop> allmysms </Shop>
    </Contact>
  </Contacts>
</GetContacts>""",
    ),
    *both(
        "§27.2",
        "getCreditsByCountryIsoCode",
        15,
        json='{"IsoCode ": " EN ", "nbCredits ": " 15 "}',
        xml="""<GetCreditsByCountryIsoCode>
  <IsoCode> EN </IsoCode>
  <NbCredits> 15 </NbCredits>
</GetCreditsByCountryIsoCode>""",
    ),
    *both(
        "§28.2",
        "shortenUrl",
        "http://bs.ms/xxxx",
        json=r'{"url ": " http:\/\/www.yoururl.fr ", "SHORTURL ": " http:\/\/bs.ms\/xxxx "}',
        xml="""<ShortenUrl>
  <Url> http://www.yoururl.fr </Url>
  <SHORTURL> http://bs.ms/xxxx </SHORTURL>
</ShortenUrl>""",
    ),
    Example(
        "§29.3",
        "sendEmail",
        """<SendSMS>
  <status> 100 </status>
  <statusText> Your email-have-been feeling </statusText>
  <campaignId> em_28400001 </campaignId>
  <InvalidEmails> nobody@domain.example </InvalidEmails>
  <credits> 370 </credits>
</SendSMS>""",
        SentEmail(100, "em_28400001", 370, ("nobody@domain.example",)),
    ),
    Example(
        "§29.3",
        "sendEmail",
        """{"status": 100, "statusText": "Your email-have-been feeling", "campaignId": "em_28400001",
            "invalidEmails": "nobody@domain.example", "credits": "340"}""",
        SentEmail(100, "em_28400001", 340, ("nobody@domain.example",)),
    ),
)
"""Every example of an answer."""

REFUSALS = (
    Example(
        "§4",
        "sendSms",
        """<?xml version="1.0" encoding="UTF-8"?>
<sendSms>
<status>114</status>
<statusText>No valid numbers</statusText>
<invalidNumbers>33612345678</invalidNumbers>
</sendSms>""",
        114,
    ),
    *(
        Example("§19.2", "manageSubAccountCredits", f'{{"status": "{status}", "statusText": "{words}"}}', status)
        for status, words in enumerate(
            (
                "The sub account is not linked to the master account",
                "The subaccount parameter is not defined",
                "The credits parameter is not defined",
                "The account is under subscription",
                "The sub account has insufficient funds",
                "The master account does not have enough credits",
            )
        )
    ),
)
"""The examples of answers that are a no, with their status."""
