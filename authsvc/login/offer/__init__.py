"""What is asked at the end of a sign-in: to make a passkey, or to enrol one's face again."""
