-- Device trees imported for boards. Boards are files, so nothing refers to them; a board that is gone keeps its history.

CREATE TABLE board_dtb (
  board TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version >= 1),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  octets INTEGER NOT NULL CHECK (octets > 0),
  file TEXT NOT NULL,
  model TEXT,
  compatible TEXT NOT NULL CHECK (json_valid(compatible)),
  source TEXT NOT NULL,
  licence TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  imported_by TEXT NOT NULL,
  PRIMARY KEY (board, version)
) STRICT, WITHOUT ROWID;

-- No row: the file beside board.yaml, or the firmware's own tree.
CREATE TABLE board_dtb_current (
  board TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  FOREIGN KEY (board, version) REFERENCES board_dtb (board, version)
) STRICT, WITHOUT ROWID;
