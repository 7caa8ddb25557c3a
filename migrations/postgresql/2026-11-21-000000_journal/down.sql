DROP TABLE told_online;
DROP TABLE heartbeat;
DROP TABLE announcements;
DROP TABLE event_order;
DROP TABLE events;
