-- Overlays of a machine's own: digests of stored files, merged into its device tree in this order.

ALTER TABLE machine ADD COLUMN overlays TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(overlays));
