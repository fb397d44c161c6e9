"""What the text-to-SQL data is made of: schemas of many trades, forms of questions.

`schemas` reads the tables from text files, `conditions` has the parts of a question
that choose rows, `forms` has whole questions with their queries. tools/make_sql.py
writes the files.
"""
