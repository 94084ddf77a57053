-- The first schema. Times are epoch milliseconds, addresses unsigned 32-bit numbers, JSON only for parts nobody searches.

CREATE TABLE machine (
  id TEXT PRIMARY KEY,
  rev INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN (
    'new', 'ready', 'allocated', 'deployed', 'rescue', 'broken', 'retired',
    'commissioning', 'testing', 'deploying', 'releasing', 'erasing', 'entering-rescue', 'leaving-rescue')),
  failed TEXT,
  deadline_ms INTEGER,
  system_uuid TEXT,
  arch TEXT,
  board TEXT,
  recognised TEXT CHECK (json_valid(recognised)),
  firmware TEXT CHECK (json_valid(firmware)),
  facts TEXT CHECK (json_valid(facts)),
  network TEXT NOT NULL,
  reserved INTEGER CHECK (reserved BETWEEN 0 AND 4294967295),
  bundle TEXT,
  dtb TEXT CHECK (length(dtb) = 64),
  extra_args TEXT NOT NULL CHECK (json_valid(extra_args)),
  power_driver TEXT,
  power_parameters TEXT CHECK (json_valid(power_parameters)),
  -- Driver and parameters in canonical order: one outlet or BMC belongs to at most one machine.
  power_outlet TEXT UNIQUE,
  power_seen TEXT CHECK (json_valid(power_seen)),
  owner_epoch INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  CHECK ((power_driver IS NULL) = (power_parameters IS NULL)),
  -- Invariant I3: whatever moves has a deadline.
  CHECK (deadline_ms IS NOT NULL OR state IN ('new', 'ready', 'allocated', 'deployed', 'rescue', 'broken', 'retired'))
) STRICT;
CREATE UNIQUE INDEX machine_reserved ON machine (network, reserved) WHERE reserved IS NOT NULL;
CREATE INDEX machine_state ON machine (state, created_ms);
CREATE INDEX machine_bundle ON machine (bundle) WHERE bundle IS NOT NULL;

CREATE TABLE machine_mac (
  mac TEXT PRIMARY KEY,
  machine_id TEXT NOT NULL REFERENCES machine (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  UNIQUE (machine_id, position)
) STRICT;

-- Events outlive their machines, so nothing refers to them. AUTOINCREMENT: an id is never given twice.
CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('note', 'good', 'warning', 'bad')),
  machine TEXT,
  boot TEXT,
  text TEXT NOT NULL,
  detail TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;
CREATE INDEX event_machine ON event (machine, id) WHERE machine IS NOT NULL;
CREATE INDEX event_boot ON event (boot, id) WHERE boot IS NOT NULL;

CREATE TABLE lease (
  network TEXT NOT NULL,
  address INTEGER NOT NULL CHECK (address BETWEEN 0 AND 4294967295),
  client_key TEXT NOT NULL,
  mac TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('bound', 'released', 'declined')),
  expires_ms INTEGER NOT NULL,
  hostname TEXT,
  circuit_id TEXT,
  remote_id TEXT,
  PRIMARY KEY (network, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE boot (
  id TEXT PRIMARY KEY,
  machine TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  token_hash TEXT UNIQUE,
  plan TEXT NOT NULL
) STRICT;
CREATE INDEX boot_machine ON boot (machine, started_ms);

CREATE TABLE bundle (
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  arch TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('agent', 'system')),
  kernel TEXT NOT NULL CHECK (json_valid(kernel)),
  initrd TEXT CHECK (json_valid(initrd)),
  kernel_args TEXT NOT NULL CHECK (json_valid(kernel_args)),
  loaders TEXT NOT NULL CHECK (json_valid(loaders)),
  source TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE artefact (
  sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
  name TEXT NOT NULL,
  octets INTEGER NOT NULL CHECK (octets >= 0)
) STRICT;

CREATE TABLE secret (
  machine_id TEXT NOT NULL REFERENCES machine (id) ON DELETE CASCADE,
  field TEXT NOT NULL,
  sealed TEXT NOT NULL,
  PRIMARY KEY (machine_id, field)
) STRICT;

CREATE TABLE power_order (
  id TEXT PRIMARY KEY,
  machine TEXT NOT NULL,
  verb TEXT NOT NULL CHECK (verb IN ('on', 'off', 'cycle', 'reset')),
  owner_epoch INTEGER NOT NULL,
  asked_ms INTEGER NOT NULL,
  asked_by TEXT NOT NULL,
  step TEXT NOT NULL CHECK (step IN (
    'asked', 'started', 'off-ordered', 'off-seen', 'on-ordered', 'done', 'failed', 'dropped')),
  because TEXT
) STRICT;
CREATE INDEX power_order_open ON power_order (asked_ms) WHERE step NOT IN ('done', 'failed', 'dropped');

CREATE TABLE user (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'viewer')),
  password_hash TEXT NOT NULL,
  epoch INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
  hash TEXT PRIMARY KEY,
  user_name TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX session_expiry ON session (expires_ms);
