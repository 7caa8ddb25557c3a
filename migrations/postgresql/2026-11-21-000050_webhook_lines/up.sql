-- Of what a webhook is told, each module has a line of its own: the first of each is found by the index. refusals counts the
-- answers that trying again will hardly change.
ALTER TABLE webhook_deliveries ADD COLUMN refusals BIGINT NOT NULL DEFAULT 0;
CREATE INDEX webhook_deliveries_by_module ON webhook_deliveries (webhook_id, state, module_id, id);
