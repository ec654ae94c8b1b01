"""The nouns of smsops: values handed from phase to phase. No input, no output, no clock."""
