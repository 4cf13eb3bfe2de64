"""What a page of evidence is made of: rows, charts drawn here, tables, and the words between them."""
