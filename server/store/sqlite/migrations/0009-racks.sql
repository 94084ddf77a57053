-- Where a machine sits: the rack's name, and its units in it, written as 3, 3-4 or 3 left.

ALTER TABLE machine ADD COLUMN rack TEXT;
ALTER TABLE machine ADD COLUMN slot TEXT;
