-- An outlet that several machines declare shared stands here and not in power_outlet, which stays unique.
ALTER TABLE machine ADD COLUMN power_shared TEXT CHECK (power_shared IS NULL OR power_outlet IS NULL);
CREATE INDEX machine_power_shared ON machine (power_shared) WHERE power_shared IS NOT NULL;

-- Whether machinery ordered it: a trial that came to nothing. Such orders have a budget, those of people have none.
ALTER TABLE power_order ADD COLUMN machinery INTEGER NOT NULL DEFAULT 0 CHECK (machinery IN (0, 1));
CREATE INDEX power_order_machine ON power_order (machine, asked_ms);
