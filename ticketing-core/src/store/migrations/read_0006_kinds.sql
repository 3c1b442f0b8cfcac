-- What was booked of events and listings, by whom and when: orders are few among bookings, and are listed by themselves.
-- Bookings of departures are in neither index.
CREATE INDEX view_tickets_kind_user ON view_tickets (kind, user_id, created_at, booking_id) WHERE kind <> 'departure';
CREATE INDEX view_tickets_kind ON view_tickets (kind, created_at, booking_id) WHERE kind <> 'departure';
