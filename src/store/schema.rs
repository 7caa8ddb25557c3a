//! The tables as diesel sees them; times are Unix milliseconds, ids text, `roles`, `telemetry`, `audience` and `data` JSON.
#![expect(missing_docs, reason = "the columns are explained in the migrations and in each table's file")]

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        name -> Text,
        password_hash -> Text,
        roles -> Text,
        disabled -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        last_login_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    logins (id) {
        id -> Text,
        user_id -> Text,
        cookie_hash -> Text,
        refresh_hash -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        last_used_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        address -> Text,
        user_agent -> Text,
    }
}

diesel::table! {
    spent_refresh_tokens (hash) {
        hash -> Text,
        login_id -> Text,
        spent_at -> BigInt,
    }
}

diesel::table! {
    modules (id) {
        id -> Text,
        name -> Text,
        #[sql_name = "type"]
        kind -> Text,
        user_id -> Nullable<Text>,
        token_hash -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    module_states (module_id) {
        module_id -> Text,
        telemetry -> Text,
        telemetry_at -> Nullable<BigInt>,
        last_seen -> Nullable<BigInt>,
        telemetry_times -> Nullable<Text>,
        clock -> Nullable<BigInt>,
        saved_to -> BigInt,
    }
}

diesel::table! {
    events (offset) {
        offset -> BigInt,
        name -> Text,
        ended -> Nullable<Text>,
        audience -> Text,
        data -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    event_order (id) {
        id -> BigInt,
        epoch -> Text,
        reserved -> BigInt,
        pruned -> BigInt,
    }
}

diesel::table! {
    announcements (id) {
        id -> Text,
        name -> Text,
        ended -> Nullable<Text>,
        audience -> Text,
        data -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    heartbeat (id) {
        id -> BigInt,
        at -> BigInt,
    }
}

diesel::table! {
    told_online (module_id) {
        module_id -> Text,
    }
}

diesel::table! {
    audit (id) {
        id -> BigInt,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        subject -> Text,
        address -> Text,
    }
}

diesel::table! {
    commands (id) {
        id -> Text,
        module_id -> Text,
        command -> Text,
        params -> Text,
        user_id -> Text,
        created_at -> BigInt,
        deadline -> BigInt,
        answered_at -> Nullable<BigInt>,
        ok -> Nullable<BigInt>,
        result -> Nullable<Text>,
        cancelled_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    twins (module_id) {
        module_id -> Text,
        desired -> Text,
        desired_version -> BigInt,
        desired_at -> Nullable<BigInt>,
        reported -> Text,
        reported_version -> BigInt,
        reported_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    emergency_stops (id) {
        id -> Text,
        scope -> Text,
        target -> Text,
        reason -> Text,
        user_id -> Text,
        created_at -> BigInt,
        cleared_at -> Nullable<BigInt>,
        cleared_by -> Nullable<Text>,
    }
}

diesel::table! {
    emergency_stop_answers (stop_id, module_id) {
        stop_id -> Text,
        module_id -> Text,
        ok -> BigInt,
        result -> Text,
        answered_at -> BigInt,
    }
}

diesel::table! {
    claim_codes (module_id) {
        module_id -> Text,
        code_hash -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    history_modules (number) {
        number -> BigInt,
        module_id -> Nullable<Text>,
    }
}

diesel::table! {
    readings (id) {
        id -> BigInt,
        module -> BigInt,
        ts -> BigInt,
        received_at -> BigInt,
        body -> Text,
        last_ts -> BigInt,
        count -> BigInt,
    }
}

diesel::table! {
    series (id) {
        id -> BigInt,
        module -> BigInt,
        key -> Text,
        raw_from -> BigInt,
        samples -> BigInt,
        raw_bytes -> BigInt,
        minutes_bytes -> BigInt,
        quarters_bytes -> BigInt,
        hours_bytes -> BigInt,
        days_bytes -> BigInt,
    }
}

diesel::table! {
    retention_rules (scope, name) {
        scope -> Text,
        name -> Text,
        raw -> Nullable<BigInt>,
        minutes -> Nullable<BigInt>,
        quarters -> Nullable<BigInt>,
        hours -> Nullable<BigInt>,
        days -> Nullable<BigInt>,
    }
}

diesel::table! {
    history_growth (day) {
        day -> BigInt,
        readings -> BigInt,
        bytes -> BigInt,
        received_from -> Nullable<BigInt>,
        received_until -> Nullable<BigInt>,
    }
}

diesel::joinable!(history_modules -> modules (module_id));

diesel::table! {
    chunks (series, first_ts) {
        series -> BigInt,
        first_ts -> BigInt,
        last_ts -> BigInt,
        samples -> BigInt,
        data -> Binary,
    }
}

diesel::table! {
    rollups (series, level, start) {
        series -> BigInt,
        level -> BigInt,
        start -> BigInt,
        windows -> BigInt,
        data -> Binary,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Text,
        name -> Text,
        url -> Text,
        events -> Text,
        enabled -> BigInt,
        secret -> Text,
        user_id -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Text,
        webhook_id -> Text,
        event -> Text,
        module_id -> Nullable<Text>,
        body -> Text,
        state -> Text,
        attempts -> BigInt,
        created_at -> BigInt,
        next_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        status -> Nullable<BigInt>,
        error -> Nullable<Text>,
        refusals -> BigInt,
    }
}

diesel::table! {
    alarm_rules (id) {
        id -> Text,
        name -> Text,
        severity -> Text,
        module_id -> Nullable<Text>,
        #[sql_name = "type"]
        kind -> Nullable<Text>,
        condition -> Text,
        enabled -> BigInt,
        user_id -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    alarms (id) {
        id -> Text,
        rule_id -> Text,
        rule_name -> Text,
        module_id -> Text,
        severity -> Text,
        condition -> Text,
        value -> Nullable<Text>,
        since -> BigInt,
        raised_at -> BigInt,
        acknowledged_at -> Nullable<BigInt>,
        acknowledged_by -> Nullable<Text>,
        cleared_at -> Nullable<BigInt>,
        cleared_by -> Nullable<Text>,
        clear_cause -> Nullable<Text>,
    }
}

diesel::joinable!(alarms -> modules (module_id));
diesel::allow_tables_to_appear_in_same_query!(alarms, modules);

diesel::joinable!(logins -> users (user_id));
diesel::joinable!(spent_refresh_tokens -> logins (login_id));
diesel::joinable!(modules -> users (user_id));
diesel::joinable!(module_states -> modules (module_id));
diesel::allow_tables_to_appear_in_same_query!(
    users,
    audit,
    logins,
    spent_refresh_tokens,
    modules,
    module_states,
    told_online,
    history_modules
);
diesel::allow_tables_to_appear_in_same_query!(emergency_stops, emergency_stop_answers, modules);
diesel::allow_tables_to_appear_in_same_query!(commands, modules);
diesel::allow_tables_to_appear_in_same_query!(readings, history_modules);
diesel::allow_tables_to_appear_in_same_query!(series, history_modules);
