"""Tables that people bring from a spreadsheet, CSV or XLSX → rows of cells as text, numbered as the spreadsheet numbers them.

`files` opens a file, `text` reads CSV, `workbook` reads XLSX, `limits` says how much of a stranger's file is too much. A file that
can't be read as rows at all raises `UnusableFile`; what the cells mean, and what is wrong with one, is left to the feature that asked.
"""
