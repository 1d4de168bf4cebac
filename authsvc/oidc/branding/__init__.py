"""How a client's pages and mails look: name, logo, accent colour, footer, support link."""
