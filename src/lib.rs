//! Carillon, a realtime event hub in one binary: modules push telemetry, dashboards see it live, admins watch the house.
//!
//! ```text
//!  modules ─ws/http/mqtt▶ Module actor ─┬─▶ Collector ──batch──▶ store         ack after the commit; the Keeper seals it
//!                       one a module  │
//!  people ──http─────▶ Registry, auth ┤
//!                                     ▼
//!                                  Broker ──▶ Journal                        one order for all; durable before it is seen
//!                          ┌──────────┼──────────┐
//!                       Relay       Relay      Relay                         one per worker thread
//!                          │          │          │
//!                    Outbox per client, Session actor beside it              AdminRoom: gathers statistics
//! ```
//!
//! # How the house stands
//!
//! A folder uses folders of lower levels and itself, never a neighbour or upwards; who must speak upwards is handed a
//! `Recipient` (test `every_folder_uses_only_lower_levels_and_itself`).
//!
//! | level | folders | knows |
//! |---|---|---|
//! | 6 | [`app`] [`cli`] `main` | everything; the only place where actors are started and joined up |
//! | 5 | [`http`] [`mqtt`] | the outside: status codes, frames, sockets |
//! | 4 | [`admin`] | modules and sessions |
//! | 3 | [`session`] [`module`] [`telemetry`] [`connector`] | the broker |
//! | 2 | [`broker`] [`auth`] | storage and pure rules |
//! | 1 | [`store`] [`observe`] [`pipe`] [`reply`] | diesel; tracing and figures; what stands between a socket and an actor; answers given later |
//! | 0 | [`domain`] [`config`] | nothing: no actor, no database, no runtime |
//!
//! HTTP handlers change state only by messages to actors: they hold no locks and write no events. Actors decide and do
//! not copy: what passes between them is an id, an offset or an `Arc`. A frame is made once per dialect, inside the shared
//! [`Event`](domain::event::Event), for all who hear it. Live delivery, resuming and slow clients are one mechanism: a
//! relay keeps the recent events and the latest value of every key, and hands out what lies behind a cursor; what is older
//! it reads from the journal. Readings are stored as they come, in a tail without an index whose rows the collector knows by
//! module; what modules say goes to the collector beside them on their thread, which lets a commit wait while more comes, and
//! to the broker through a [`Forwarder`](broker::Forwarder), which lets states gather. What a module said last is saved a
//! few seconds after its readings; where a crash comes between, the next start has it follow those of the tail. The keeper
//! seals readings into compressed chunks and roll-ups of their series, and alone changes those. Whoever changes the
//! database adds the event that tells of it in the same transaction, and the broker takes it over into the journal: one that is left is swept up. What the rules for alarms look at goes from a
//! module's actor to the [`Warden`](module::Warden), who judges and keeps the alarms of all. Truth is in the database; what blocks (diesel, bcrypt) never runs on an actor's thread, and [`store::Store`] alone knows the pools.
//!
//! People come by four dialects: JSON over a WebSocket, server-sent events, and Socket.IO over polls or a WebSocket. Each is
//! a [`Speech`](session::Speech) of the same [`Session`](session::Session), and a way for the same outbox. A session of
//! Engine.IO lives on the thread of its handshake; polls of other threads find it by a shared directory, and the WebSocket
//! that takes it over is moved to it.
//!
//! Outside stand targets of webhooks: deliveries are rows written beside the alarm they tell of, and the
//! [`Courier`](connector::Courier) takes them there.
//!
//! Devices come by a WebSocket, by requests, and by MQTT: there a connection is one task with a pure
//! [`Session`](mqtt::session::Session), behind it a [`Bridge`](mqtt::bridge::Bridge) to the modules and to people.
//!
//! # What must always hold
//!
//! Each with the test that holds it, most of them in Rust; those of Socket.IO's own clients are in `tests/clients`.
//!
//! - The broker never waits for a listener, and a client that does not read costs nobody else anything: test
//!   `a_stalled_client_falls_behind_alone_and_catches_up_with_every_event`.
//! - A peer that stops reading does not stop the timers that watch it: test `a_client_that_reads_nothing_is_ended_by_its_timer`,
//!   test `a_stream_that_nobody_reads_falls_behind_alone_and_then_ends`, test
//!   `a_socket_that_reads_nothing_is_ended_as_too_slow_and_not_as_silent`, test
//!   `a_client_that_never_polls_is_ended_as_too_slow_and_told_so_if_it_comes_after_all`.
//! - The end of a connection is counted once, by its reason: test `every_end_is_counted_once_by_its_reason`.
//! - Two subscribers never see two events in different orders: test `two_tabs_see_one_order`.
//! - Who is answered that an event is published finds it before the answer to a ping that is sent then, on any socket: test
//!   `a_pong_comes_behind_what_was_published_before_its_ping`, test
//!   `who_wants_to_know_all_that_is_published_waits_for_what_is_not_here_yet`, test
//!   `who_asks_while_much_is_caught_up_is_answered_behind_it`.
//! - Nobody sees an event twice: test `an_event_of_several_topics_comes_once`, test
//!   `since_tells_each_event_once_and_only_the_newest_values`.
//! - Nobody misses an event without being told, whatever breaks: test
//!   `nothing_is_lost_doubled_or_reordered_while_sockets_are_cut_and_the_hub_is_killed`, test
//!   `a_cursor_brings_every_missed_event_and_the_newest_state`, test `a_stream_goes_on_where_it_broke_off`, test
//!   `what_the_ring_no_longer_holds_comes_from_the_journal`, test `foreign_and_future_cursors_are_gaps`, test
//!   `cursors_that_no_hub_gave_are_gaps_and_those_that_are_no_text_are_refused`, test `seats_agree_with_a_plain_model`, test
//!   `seats_that_page_the_journal_agree_with_a_plain_model`, test
//!   `a_relay_that_missed_the_end_of_a_burst_learns_of_it_without_another_event`, test
//!   `what_is_pruned_while_a_client_pages_is_a_gap_before_anything_newer`.
//! - It makes no difference to which thread a poll or a WebSocket of Socket.IO comes, and nothing is lost or reordered
//!   when one takes over from the other: test `a_socket_under_tls_takes_over_a_session_of_any_thread`, test
//!   `what_a_socket_brings_waits_for_the_payload_that_was_posted_before`, and in
//!   `tests/clients` `a session goes over to a WebSocket of any thread, and nothing is lost or reordered`.
//! - What a client of Socket.IO listened to is given back to the same person by the same login only, and once: test
//!   `only_the_same_person_by_the_same_login_gets_its_topics_back_and_once`.
//! - An event that each subscriber must get is on the disk before anyone sees it: test
//!   `what_a_client_has_seen_is_in_the_journal_and_what_was_acknowledged_comes_once`, test
//!   `what_cannot_be_committed_is_refused_and_seen_by_nobody`; also when nobody knows at first whether the commit was done:
//!   test `what_was_under_way_when_the_server_crashed_is_told_or_refused_and_never_both`, test
//!   `a_commit_whose_answer_was_lost_counts_as_done`.
//! - A change that is in the database is told, and told once, wherever the process ends and whoever made it: test
//!   `a_change_whose_event_did_not_go_out_is_told_once_after_the_start`, test `an_announcement_is_published_once`, test
//!   `one_that_cannot_be_read_stands_in_nobodys_way`, test
//!   `what_a_command_changes_beside_the_hub_is_told_once_and_shown`.
//! - The order goes on after a restart and after a crash, and no place is given away twice: test
//!   `a_cursor_outlives_a_restart`, test `a_cursor_outlives_many_crashes`, test `no_place_is_given_twice_or_unreserved`;
//!   who was online before is told to be offline: test
//!   `who_was_online_when_the_hub_was_killed_is_told_to_be_offline`.
//! - A client that wants newer values less often gets the newest of them before anything that comes at once: test
//!   `what_must_come_at_once_brings_the_newest_paced_value_along`, test
//!   `values_come_no_more_often_than_asked_and_the_newest_always_comes`.
//! - A session only receives what its person may see, also after a change of role or owner: test
//!   `people_see_their_own_modules_only`, test `a_change_of_roles_makes_open_sockets_come_back`, test
//!   `who_was_looked_at_before_an_end_or_a_change_is_not_let_in`, test
//!   `who_comes_back_with_other_roles_is_told_everything_anew`, test
//!   `a_transferred_module_leaves_one_page_and_appears_on_the_other`, test
//!   `a_removed_module_is_withdrawn_from_everybody_who_listens_to_it`, test
//!   `a_cursor_of_the_past_tells_nothing_of_what_was_anothers_then`, test
//!   `what_others_publish_to_a_module_is_for_who_owned_it_then`, test
//!   `who_loses_a_module_or_ends_their_login_meanwhile_gets_no_more_of_its_file`.
//! - What is taken away is felt on open sockets within 100 ms, and a token ends its socket to the second: test
//!   `a_change_of_owner_is_felt_at_once`, test
//!   `a_change_of_roles_the_end_of_a_login_and_of_an_account_are_felt_at_once`, test
//!   `a_socket_ends_in_the_second_its_token_does_unless_a_newer_one_extends_it`.
//! - Who may do what is judged at the door for every request, from the database, or from what was read there less than a
//!   second ago if this process has changed nothing since: test `roles_count_at_once`, test
//!   `who_is_kept_out_is_out_at_once`, test `only_admins_manage_accounts`, test
//!   `a_login_counts_until_something_changes_or_a_second_is_over`. That a token was found good once spares its
//!   signature only: test `a_token_that_was_verified_is_refused_once_it_has_ended`, test
//!   `a_token_that_begins_like_a_verified_one_is_verified_itself`.
//! - The end of a login ends its sockets, whoever ends it: test `a_logout_ends_the_sockets_of_its_login_only`, test
//!   `the_sockets_of_an_account_changed_beside_the_hub_end_and_others_stay`.
//! - What was acknowledged survives a crash: test `accounts_modules_and_last_states_survive_kill_9`, test
//!   `every_acknowledged_reading_is_found_once_wherever_the_hub_is_killed`, test
//!   `after_a_failed_commit_even_an_unchanged_reading_is_stored_before_its_answer`, test
//!   `a_full_disk_refuses_readings_at_every_door_and_what_was_acknowledged_stays`. A state is saved after its readings, which
//!   tell it until then: test `a_state_is_saved_a_while_after_its_readings_and_a_crash_before_that_loses_nothing`, test
//!   `wherever_a_state_was_saved_it_comes_to_the_same`, test `a_state_waits_only_where_its_readings_tell_all_of_it`, test
//!   `a_state_that_holds_what_was_refused_or_taken_back_is_saved_at_once`, test
//!   `no_reading_is_sealed_before_a_state_that_knows_it_is_saved`, also where a start cannot write: test
//!   `what_cannot_be_saved_at_the_start_is_known_all_the_same`. The newest state goes out, is judged by
//!   the rules for alarms and is kept also where the store refused its reading: test
//!   `what_the_store_refused_is_stored_before_the_actor_rests`; a reading that was refused is not in the history later: test
//!   `what_was_refused_while_the_database_was_locked_is_not_stored_when_it_is_free`, unless it was being written when its
//!   sender was answered, who is told so: test
//!   `what_is_being_written_is_waited_for_and_unknown_if_that_takes_too_long`; nor is it stored beside what its sender sends
//!   again: test `what_a_broken_connection_left_unanswered_is_taken_back_before_its_client_sends_it_again`.
//! - Whatever waits has a bound: test `a_full_waiting_line_refuses_and_a_flush_stores_what_waits`, test
//!   `behind_a_commit_that_hangs_nothing_waits_and_it_goes_on_by_itself`, test
//!   `who_finds_the_line_full_is_turned_away`, test `topics_are_bounded_and_can_be_left`, test
//!   `ten_thousand_subscriptions_by_one_client_are_refused_beyond_the_bound`, test
//!   `an_account_has_a_bounded_number_of_sockets`, test `the_counters_are_bounded`, test
//!   `large_events_push_older_ones_out`, test `events_are_kept_by_count_and_by_age`, test
//!   `questions_that_came_together_are_answered_as_the_answers_are_read`, test
//!   `a_payload_of_questions_is_answered_as_the_answers_are_fetched`, test
//!   `one_person_is_remembered_a_bounded_number_of_times`, test
//!   `verified_tokens_are_remembered_a_bounded_number_of_times_and_those_in_use_stay`, test
//!   `a_message_counts_as_many_as_it_has_readings_and_no_more_than_may_come_at_once_are_read`.
//! - What many clients are sent waits once for all of those of a thread, and who reads nothing holds little of what others
//!   are sent: test `a_burst_that_many_are_sent_takes_no_memory_of_each`, test
//!   `who_takes_nothing_holds_little_of_what_others_are_sent`, test
//!   `who_goes_another_way_than_others_at_every_frame_holds_little_of_theirs`, test
//!   `who_is_sent_short_frames_among_long_ones_holds_little_of_those`, test
//!   `what_each_is_sent_among_others_is_what_leaves`.
//! - Whoever asks an actor is answered once, also by one that breaks off, which takes back what it has not begun to write:
//!   test `each_is_told_once_its_answer_is_known_and_of_a_promise_that_is_broken`, test
//!   `what_an_actor_that_breaks_off_had_not_begun_to_write_is_taken_back`.
//! - A crowd that comes at once is let in at a bounded rate, and each of the others has a moment of its own: test
//!   `a_crowd_is_let_in_no_faster_than_the_accept_rate`, test `those_turned_away_come_back_one_after_the_other`, test
//!   `those_sent_away_come_back_no_faster_than_they_are_let_in`; no login and no address of
//!   strangers takes more than half of that rate, also where modules come in: test
//!   `one_address_or_login_does_not_keep_others_out`, test `wrong_tokens_keep_no_module_out`, test
//!   `an_address_that_shows_wrong_tokens_keeps_no_module_out`; nor does an address take all places by connections that say
//!   nothing: test `an_address_that_opens_connections_and_says_nothing_keeps_no_other_out`, test
//!   `who_never_ends_a_handshake_or_a_connect_is_gone_in_time`.
//! - One device that floods holds up no other: test
//!   `no_more_is_read_from_a_connection_than_may_wait_and_others_have_room`, test
//!   `acknowledgements_of_others_are_prompt_while_a_connection_floods`, test
//!   `one_request_takes_a_share_of_the_line_however_much_it_brings_and_a_full_line_refuses`, test
//!   `the_largest_batches_of_modules_leave_room_for_single_readings_of_others`, test
//!   `single_readings_are_acknowledged_promptly_while_another_module_sends_the_largest_batches`; nor does whoever sends
//!   requests behind one that takes its time take the thread meanwhile: test
//!   `a_flood_behind_a_request_that_waits_costs_nothing_until_its_turn`, test
//!   `a_flood_behind_a_request_that_takes_its_time_is_not_looked_at_again_and_again`, test
//!   `a_large_body_that_is_not_read_yet_is_not_looked_at_again_and_again`; nor memory for all of them: test
//!   `of_many_requests_only_a_few_are_taken_in_before_their_turn`, test
//!   `requests_behind_one_that_waits_cost_next_to_no_memory`; and one that vanishes is offline in time: test
//!   `a_peer_that_vanishes_is_lost_after_one_and_a_half_times_its_keep_alive`.
//! - Every request is answered, in the order in which they came, also before an upgrade: test
//!   `what_comes_before_an_upgrade_is_answered_before_it`, as it asks for, whatever is behind it: test
//!   `an_answer_is_what_its_own_request_asks_for_whatever_is_behind_it`, test
//!   `no_answer_ends_a_connection_on_which_more_requests_are_on_their_way`, also where the client says that it sends no more:
//!   test `who_says_that_no_more_comes_gets_all_answers`, and the last of them whole: test
//!   `the_last_answer_is_whole_though_more_requests_were_sent_behind_it`; one that does not come whole keeps a connection for
//!   seconds only that has nothing else to do: test `the_rest_of_a_request_is_not_waited_for_for_ever`, test
//!   `who_sends_a_head_byte_by_byte_gets_no_more_time`, test `a_connection_that_is_busy_has_all_the_time_that_takes`, test
//!   `requests_behind_a_long_answer_wait_for_its_end_whole_or_not`.
//! - Nobody looks into the events of others before it is written down, and only admins do: test
//!   `a_tap_shows_what_a_person_and_their_modules_hear`, test
//!   `only_admins_tap_and_a_tap_that_is_no_topic_is_refused`.
//! - A command is stored before its module hears of it, is answered once, and is told again to a module that comes back
//!   in time: test `a_device_that_comes_back_in_time_is_told_again_and_its_answer_counts`, test
//!   `a_command_outlives_a_restart_of_the_hub`, test `an_answer_of_another_module_is_refused`.
//! - What an emergency stop holds takes no command until somebody clears it, and is told until it acknowledges, wherever the
//!   hub or the module ended meanwhile: test `a_stop_comes_before_all_that_waits_and_holds_until_it_is_cleared`, test
//!   `a_stop_is_told_again_until_it_is_acknowledged_also_after_a_restart`, test
//!   `modules_that_come_into_scope_later_are_stopped_when_they_connect`; nothing that waits holds it up, and who comes back
//!   after it was cleared does not hear it: test `a_stop_is_told_to_a_device_that_takes_nothing_else`, test
//!   `a_stop_that_was_cleared_is_not_told_to_a_device_that_comes_back`; nor does it hear of a desired state meanwhile: test
//!   `what_people_want_reaches_no_device_that_must_stand_still`; what waited before it is never told after it: test
//!   `a_stop_takes_back_what_waits_for_a_device_that_is_away_also_after_a_restart`, test
//!   `who_gets_a_type_that_must_stand_still_while_away_is_told_nothing_that_waited`. It does not wait for the database: test
//!   `a_stop_is_heard_at_once_when_it_cannot_be_stored_and_is_stored_when_it_can`.
//! - An alarm is raised and cleared by the times of the readings, whatever comes late, twice or out of order, and never flaps
//!   between its limits: test `a_machine_agrees_with_a_plain_look_at_all_readings`, test
//!   `late_and_repeated_readings_do_no_harm`, test `an_alarm_never_flaps_between_its_limits`; also while the module's actor
//!   rests: test `a_condition_must_hold_by_the_time_of_its_readings_also_while_the_actor_rests`, test
//!   `silence_is_told_of_a_module_whose_actor_rests_and_ends_with_a_reading`; and over a restart: test
//!   `alarms_outlive_a_restart_and_go_on_where_they_were`, test `silence_goes_on_over_a_restart`.
//! - A change of an alarm and its event are stored together, in their order, however long the database takes none: test
//!   `what_the_database_does_not_take_waits_and_is_told_in_its_order`; a rule and a module have at most one that is not cleared:
//!   test `a_rule_and_a_module_have_one_alarm_that_is_not_cleared`.
//! - A module whose alarms come and go, or that sends more than a commit takes, delays no other: test
//!   `a_module_whose_alarms_come_and_go_delays_nobody_and_is_judged_by_its_newest_values_in_the_end`, test
//!   `a_module_with_much_to_tell_takes_its_share_and_no_more`, test
//!   `who_has_waited_longest_is_taken_first_however_many_come_after`.
//! - A claim code works once, and guessing is throttled: test `who_has_the_code_becomes_the_owner_once`, test
//!   `guessing_is_throttled_and_codes_expire`.
//! - A reading that was acknowledged is found in the history, once, wherever the hub is killed: test
//!   `every_acknowledged_reading_is_found_once_wherever_the_hub_is_killed`, also one that names no time: test
//!   `readings_without_a_time_are_all_found_however_soon_the_hub_is_back_from_a_kill`, test
//!   `readings_without_a_time_have_later_ones_after_a_rest`, test
//!   `those_that_come_too_fast_to_have_times_of_their_own_are_refused`; of two readings of one time the last counts: test
//!   `the_last_of_two_readings_of_one_time_counts`, and a late one does not replace the newest state: test
//!   `a_late_reading_does_not_replace_the_newest_state`, unless the newest came from a clock that ran ahead: test
//!   `what_a_clock_that_was_put_right_measures_is_the_newest_state`.
//! - What readers of the plain form of readings and times take, those of any form take for the same: test
//!   `what_is_plain_is_read_like_any_json`, test `plain_ones_of_an_array_are_read_like_any_json`, test
//!   `the_usual_times_are_read_like_any`.
//! - A module that reports more than can be sealed is refused by itself, and others are taken: test
//!   `a_module_of_which_too_much_is_not_sealed_is_refused_and_others_are_not`.
//! - Windows of the history are what its samples come to, however late and in whatever order they came, sealed or not: test
//!   `roll_ups_equal_a_recomputation_from_the_readings`, test `windows_are_the_same_before_and_after_sealing`, test
//!   `chunks_hold_every_sample_once_and_do_not_overlap`; their mean is right however great the numbers are: test
//!   `the_mean_is_right_however_great_the_numbers_are`.
//! - Whoever asks for much of the past keeps neither a login nor a stop waiting, nor does one person keep all others from
//!   asking: test `while_many_ask_for_much_of_the_history_a_login_and_a_stop_are_answered_at_once`, test
//!   `one_person_takes_no_more_than_half_of_the_turns`, test `who_waits_for_their_own_share_keeps_nobody_waiting`.
//! - What is told of the past costs no more than it holds: test
//!   `no_more_is_read_than_a_page_takes_however_many_keys_there_are`, test
//!   `pages_of_windows_pass_over_the_time_in_which_there_is_nothing`, test `many_series_are_looked_at_in_one_statement`, test
//!   `a_server_is_asked_a_few_questions_however_many_keys_and_rows_are_sealed`.
//! - A file of which a part cannot be read never ends like a whole one: test
//!   `a_file_of_a_module_that_is_removed_meanwhile_breaks_off_and_does_not_end_like_a_whole_one`, test
//!   `a_file_that_the_database_fails_under_breaks_off_and_does_not_end_like_a_whole_one`; no cell of it is a formula: test
//!   `no_cell_of_a_file_is_a_formula`.
//! - What is deleted of the history is what the rules say, and can be known before: test
//!   `a_preview_says_what_a_rule_would_delete_and_the_rule_deletes_it`, test
//!   `rules_that_somebody_else_has_changed_are_not_replaced_unseen`, test
//!   `of_rules_set_side_by_side_those_hold_that_are_stored`, test
//!   `what_is_too_old_waits_for_the_quiet_hours`, test `what_is_too_much_goes_at_any_hour`, test
//!   `a_size_cap_evicts_the_oldest_samples_first`, test `a_size_cap_evicts_windows_too_where_samples_are_not_enough`, test
//!   `the_history_of_a_removed_module_goes`, also what was written of it when nobody knew: test
//!   `what_was_written_of_a_removed_module_unknown_to_the_collector_goes_with_its_history`, test
//!   `what_is_left_of_a_forgotten_module_gets_no_history_at_the_next_start`, and so does its rule: test `the_rule_of_a_removed_module_goes_with_it`; no more
//!   is promised than will be kept: test `no_more_is_promised_for_a_month_than_the_rules_keep_and_the_cap_allows`, and nothing
//!   before it can be known: test `how_fast_a_new_history_grows_is_told_once_it_can_be_known`; what is counted is what it takes
//!   of the database: test `the_database_grows_by_about_what_is_counted`.
//! - A backup beside a running hub holds all that was acknowledged before it began, and what was told after it is of no use
//!   to clients of what is restored: test
//!   `a_backup_under_load_holds_all_that_was_acknowledged_before_it_and_begins_a_new_order`; it is put in place whole or not
//!   at all, and never under a hub: test `a_restore_keeps_what_was_there_and_is_refused_while_a_hub_runs`.
//! - Work that fails spoils nothing: test `work_that_panics_spoils_nothing`, test `a_failed_write_leaves_nothing_behind`.
//! - An emergency of the database is told to callers without its cause and loses nothing: test
//!   `a_read_only_database_is_told_and_loses_nothing`, test `a_locked_database_is_busy_and_readers_go_on`, test
//!   `a_full_disk_is_noticed_and_what_cannot_be_kept_is_seen_by_nobody`, test
//!   `while_the_server_is_away_nothing_is_acknowledged_and_everything_goes_on_when_it_is_back`.
//! - Both databases hold the same, and one hub: test `both_databases_have_the_same_tables`, test
//!   `a_database_on_a_server_has_one_hub`.
//! - Nothing that comes in from outside breaks a reader: test `no_bytes_break_the_assembler`, test
//!   `a_tap_of_taps_is_refused_however_long_it_is`, test `every_route_refuses_what_it_cannot_read`, test
//!   `bad_frames_get_a_problem_and_cost_nothing`; nor does it take more
//!   memory than a message may: test `a_bomb_takes_no_more_memory_than_a_message_may`, test
//!   `a_hundred_million_bytes_in_single_ones_hold_little_and_end_at_the_limit`. `tests/fuzz` tries both for hours.
//! - An event is compressed once for all who can read it by itself, and once behind another event for all who had that one
//!   last; whoever can read neither gets another: test `one_compressed_frame_goes_to_all_who_can_read_it`, test
//!   `an_event_leans_on_the_one_before_in_one_frame_for_all_who_remember_that`, test
//!   `a_frame_that_leans_is_made_once_for_all_who_had_the_same_before_and_for_a_few_others`, test
//!   `whatever_each_hears_and_is_told_between_all_is_read_as_it_was_said`, test `a_peer_with_a_small_window_can_follow`.
//! - Secrets are in no log: test `no_secret_is_logged`, test `the_password_of_the_server_is_never_shown`; and nobody learns from an answer which addresses have accounts:
//!   test `nobody_learns_whether_an_address_is_known`.
//! - A message of MQTT is acknowledged after its commit, in its turn, and taken once while its session lasts, with QoS 1 as
//!   long as its sender may not have read the acknowledgement: test
//!   `as_many_of_qos_1_are_remembered_as_may_be_unacknowledged_and_no_more`, test
//!   `what_is_acknowledged_is_there_in_every_shape`, test `a_message_of_qos_2_is_taken_once_until_it_is_released`, test
//!   `a_message_of_qos_2_is_taken_once_between_two_releases`, test
//!   `a_message_of_qos_2_that_was_being_stored_when_its_connection_ended_is_taken_once`, test
//!   `a_session_outlives_a_connection_that_the_house_does_not_open_in_time`, test
//!   `everything_arrives_as_often_as_promised_however_often_the_connection_breaks`. Readings that come together go together,
//!   and each is judged by itself: test `of_messages_that_come_together_each_is_judged_by_itself`, test
//!   `of_frames_that_come_together_each_is_judged_by_itself_and_answered_in_its_turn`. Those of a connection keep their order
//!   and the time at which they came, also while the hub is busy or one of them is bad: test
//!   `readings_that_come_while_the_line_is_full_keep_their_order`, test
//!   `what_comes_behind_a_bad_reading_does_not_overtake_the_good_ones_beside_it`, test
//!   `a_reading_that_waited_for_others_has_the_time_at_which_it_came`; no session waits for a will:
//!   test `a_session_is_handed_over_also_while_the_will_waits_for_a_slow_database`.
//! - A wrong token of a module costs no body and no actor: test
//!   `a_stranger_is_refused_before_a_body_is_read_and_an_actor_starts`; one that no longer counts is wrong at once: test
//!   `a_token_is_refused_as_soon_as_it_is_no_longer_that_of_the_module_also_where_it_was_known`; who shows many is slowed down, and they are counted
//!   for the house: test `wrong_tokens_are_counted_once_for_the_house_by_whatever_thread_and_door_they_come`.
//! - A module reaches nothing but itself by MQTT, whatever it calls itself: test
//!   `a_module_publishes_to_topics_of_its_own_only`, test `a_module_listens_to_what_is_meant_for_it_only`, test
//!   `a_will_goes_to_topics_of_its_own_only`, test `a_client_id_is_no_identity`, test
//!   `who_shows_no_token_takes_nothing_over_by_a_client_id`, test `no_spelling_of_a_topic_reaches_beyond_ones_own`; what is
//!   no packet ends its own connection only: test
//!   `every_packet_with_anything_wrong_in_it_ends_its_connection_with_the_reason`.
//! - What webhooks are told is written down with what happened, and goes out signed and in the order of each module, again until it is taken or
//!   given up, wherever the hub ends: test `whoever_is_told_of_an_event_gets_a_delivery_and_nobody_else`, test
//!   `what_happened_is_told_signed_and_once`, test `a_target_that_fails_is_told_again_the_same_in_the_same_order`, test
//!   `what_is_not_delivered_outlives_kill_9_and_no_secret_is_logged`; a target that hangs holds up no other: test
//!   `a_target_that_hangs_holds_up_no_other`; one that is down is left alone: test
//!   `a_target_that_is_down_is_left_alone_until_it_is_back`; one that refuses the hub is no reason to give up what it is to
//!   be told: test `a_target_that_refuses_the_hub_is_told_again_until_somebody_puts_it_right`. What one module has to tell neither holds up nor pushes out what
//!   others have: test `a_delivery_that_always_fails_holds_up_its_own_module_only`, test
//!   `a_module_that_flaps_pushes_out_nothing_of_others`.
//! - Nobody can have the hub call what is not of the internet, unless its operator allows it: test
//!   `nothing_is_called_that_is_not_of_the_internet`, test `only_addresses_of_the_internet_are_public`.
//! - The hub goes when it is told to: test
//!   `sigterm_says_goodbye_and_exits_0_within_10_seconds_while_sockets_are_open`; what modules have under way then is
//!   acknowledged before the goodbye, so that nothing is stored twice: test
//!   `what_is_under_way_when_the_hub_stops_is_acknowledged_before_the_goodbye_and_stored_once`, test
//!   `devices_that_go_on_sending_or_read_nothing_hold_up_no_stop_and_what_is_stored_was_acknowledged`, or taken back: test
//!   `what_cannot_be_stored_while_the_hub_stops_is_taken_back_in_time`; no more is read meanwhile: test
//!   `nothing_more_is_taken_from_a_device_once_the_hub_stops`, test
//!   `a_connection_whose_hub_stops_is_answered_what_is_under_way_and_read_no_more`.
//!
//! # What is deliberately absent
//!
//! States are not in the journal. Windows of the history hold numbers and switches, not texts. Presence does not outlast a
//! start: every module is offline until it comes back, and only what was told of it before is kept, to be taken back.
//! There is one node and one database, SQLite or PostgreSQL. Plugins, the scheduler, connectors beyond webhooks, mail and
//! a second factor have no room yet, and nothing here is prepared for them beyond the interfaces that are in use.

pub mod admin;
pub mod app;
pub mod auth;
pub mod broker;
pub mod cli;
pub mod config;
pub mod connector;
pub mod domain;
pub mod http;
pub mod module;
pub mod mqtt;
pub mod observe;
pub mod pipe;
pub mod reply;
pub mod session;
pub mod store;
pub mod telemetry;
