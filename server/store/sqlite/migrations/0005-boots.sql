-- What a boot was served and how it ended. Boots under way have neither a verdict nor an end; a daemon that starts goes
-- on watching them.

ALTER TABLE boot ADD COLUMN ended_ms INTEGER;
ALTER TABLE boot ADD COLUMN served TEXT CHECK (json_valid(served));
ALTER TABLE boot ADD COLUMN verdict TEXT CHECK (json_valid(verdict));
-- Boots from before verdicts were kept: nobody waits for them.
UPDATE boot SET ended_ms = started_ms;
CREATE INDEX boot_under_way ON boot (started_ms) WHERE ended_ms IS NULL AND verdict IS NULL;
