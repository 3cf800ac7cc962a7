"""Legal documents as .docx files that officers finish in WPS or Word: facts in, bytes out."""
