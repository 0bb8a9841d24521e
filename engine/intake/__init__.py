"""A recruiter's list (CSV, XLSX, JSONL) read into accepted recipients and rejected rows, in bounded memory."""
