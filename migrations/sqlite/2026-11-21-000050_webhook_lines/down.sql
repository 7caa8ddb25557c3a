DROP INDEX webhook_deliveries_by_module;
ALTER TABLE webhook_deliveries DROP COLUMN refusals;
