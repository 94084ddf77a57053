-- What is in bundles, channels that point at their versions, and bundles on trial.

ALTER TABLE bundle ADD COLUMN calls_home INTEGER NOT NULL DEFAULT 0 CHECK (calls_home IN (0, 1));
UPDATE bundle SET calls_home = 1 WHERE role = 'agent';

-- Apart from the bundle: boot decisions look at all bundles and at none of this.
CREATE TABLE bundle_contents (
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  kernel_release TEXT,
  contents TEXT NOT NULL CHECK (json_valid(contents)),
  PRIMARY KEY (name, version),
  FOREIGN KEY (name, version) REFERENCES bundle (name, version) ON DELETE CASCADE
) STRICT;

-- Every promotion ever made; the newest of a channel that is not undone counts.
CREATE TABLE channel_move (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  channel TEXT NOT NULL,
  version TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  asked_by TEXT NOT NULL,
  undone_ms INTEGER
) STRICT;

CREATE TABLE bundle_try (
  machine TEXT PRIMARY KEY REFERENCES machine (id) ON DELETE CASCADE,
  bundle TEXT NOT NULL,
  back TEXT,
  asked_by TEXT NOT NULL,
  asked_ms INTEGER NOT NULL,
  within_ms INTEGER NOT NULL CHECK (within_ms > 0),
  may_cycle INTEGER NOT NULL CHECK (may_cycle IN (0, 1)),
  owner_epoch INTEGER NOT NULL,
  step TEXT NOT NULL CHECK (step IN ('armed', 'under way', 'good', 'returning', 'cycling')),
  ends_ms INTEGER,
  boot TEXT,
  was_switched INTEGER NOT NULL CHECK (was_switched IN (0, 1)),
  -- Invariant I3: what waits for a call has a deadline.
  CHECK (step <> 'under way' OR ends_ms IS NOT NULL)
) STRICT;

CREATE TABLE last_good (
  machine TEXT PRIMARY KEY REFERENCES machine (id) ON DELETE CASCADE,
  bundle TEXT NOT NULL,
  before TEXT
) STRICT;
