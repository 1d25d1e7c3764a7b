"""What each provider's protocol is: sign, send, understand the reply."""
