// What split-sms makes of each text on standard input, one JSON string a line: [alphabet, SMS].
//
// It counts a newline as one character, the API as two: here a character of two stands for it, which leaves the alphabet.
const { GSM, split } = require("split-sms");

const answers = require("fs").readFileSync(0, "utf8").split("\n").map((line) => {
  const text = JSON.parse(line);
  const alphabet = split(text, { summary: true }).characterSet;
  const counted = text.replaceAll("\n", alphabet === GSM ? "|" : "😀");
  return JSON.stringify([alphabet, split(counted, { characterset: alphabet, summary: true }).parts.length]);
});
process.stdout.write(answers.join("\n"));
