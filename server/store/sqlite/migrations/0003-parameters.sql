-- Parameters: what an operator declared, and what was set where. JSON for what nobody searches.

CREATE TABLE parameter_declaration (
  name TEXT PRIMARY KEY,
  declaration TEXT NOT NULL CHECK (json_valid(declaration))
) STRICT;

-- AUTOINCREMENT: a boot remembers the one-shot settings it was given by their ids, so an id is never given twice.
CREATE TABLE parameter_value (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  scope TEXT NOT NULL CHECK (scope IN ('site', 'network', 'board', 'machine', 'once')),
  -- The name of a network or board, the id of a machine, empty for the site.
  subject TEXT NOT NULL CHECK ((scope = 'site') = (subject = '')),
  name TEXT NOT NULL,
  value TEXT NOT NULL CHECK (json_valid(value)),
  set_ms INTEGER NOT NULL,
  set_by TEXT NOT NULL,
  expires_ms INTEGER CHECK ((scope = 'once') = (expires_ms IS NOT NULL)),
  -- The boot that a one-shot value went to. The row stays until it expires: that boot may still ask for it, or give it back.
  boot TEXT CHECK (boot IS NULL OR scope = 'once')
) STRICT;
CREATE UNIQUE INDEX parameter_place ON parameter_value (scope, subject, name) WHERE boot IS NULL;
CREATE INDEX parameter_subject ON parameter_value (subject, scope);

CREATE TRIGGER parameter_machine_gone AFTER DELETE ON machine BEGIN
  DELETE FROM parameter_value WHERE scope IN ('machine', 'once') AND subject = old.id;
END;
CREATE TRIGGER parameter_boot_begins AFTER INSERT ON boot BEGIN
  DELETE FROM parameter_value WHERE scope = 'once' AND subject = new.machine AND expires_ms <= new.started_ms;
END;
