"""The texts of all mails: which kinds there are, what each says, and a shop's own words for them."""
