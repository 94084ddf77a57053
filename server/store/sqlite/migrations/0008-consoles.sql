-- How serial lines are reached, their sealed secrets, who may use them, and the last words of boots that ended badly.

CREATE TABLE console (
  machine_id TEXT PRIMARY KEY REFERENCES machine (id) ON DELETE CASCADE,
  transport TEXT NOT NULL,
  parameters TEXT NOT NULL CHECK (json_valid(parameters))
) STRICT;

CREATE TABLE console_secret (
  machine_id TEXT NOT NULL REFERENCES console (machine_id) ON DELETE CASCADE,
  field TEXT NOT NULL,
  sealed TEXT NOT NULL,
  PRIMARY KEY (machine_id, field)
) STRICT;

CREATE TABLE console_tail (
  boot TEXT PRIMARY KEY REFERENCES boot (id) ON DELETE CASCADE,
  octets BLOB NOT NULL CHECK (length(octets) <= 65536)
) STRICT;

-- Absent: what the role says.
ALTER TABLE user ADD COLUMN console TEXT CHECK (console IN ('none', 'read', 'write'));
