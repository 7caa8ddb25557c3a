use super::gauge::Gauge;

/// A type of simulated module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A stop with a platform and people.
    Station,
    /// A lamp with colours.
    LightEffect,
    /// A set of points.
    SwitchTrack,
    /// A fog generator with a tank.
    SmokeMachine,
    /// A block signal.
    Signal,
    /// A level crossing with barriers.
    Crossing,
    /// A turning bridge of a depot.
    Turntable,
    /// A loudspeaker with a play list.
    SoundModule,
    /// A battery-powered weather mast.
    WeatherMast,
    /// A lift between two floors.
    Elevator,
}

impl Kind {
    /// Every type, in the order in which a fleet takes them.
    pub const ALL: [Self; 10] = [
        Self::Station,
        Self::LightEffect,
        Self::SwitchTrack,
        Self::SmokeMachine,
        Self::Signal,
        Self::Crossing,
        Self::Turntable,
        Self::SoundModule,
        Self::WeatherMast,
        Self::Elevator,
    ];

    /// The type as the hub stores it.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Station => "Station",
            Self::LightEffect => "LightEffect",
            Self::SwitchTrack => "SwitchTrack",
            Self::SmokeMachine => "SmokeMachine",
            Self::Signal => "Signal",
            Self::Crossing => "Crossing",
            Self::Turntable => "Turntable",
            Self::SoundModule => "SoundModule",
            Self::WeatherMast => "WeatherMast",
            Self::Elevator => "Elevator",
        }
    }

    /// The end of an identity of this type.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Station => "STN",
            Self::LightEffect => "LFX",
            Self::SwitchTrack => "SWT",
            Self::SmokeMachine => "SMK",
            Self::Signal => "SIG",
            Self::Crossing => "CRS",
            Self::Turntable => "TRN",
            Self::SoundModule => "SND",
            Self::WeatherMast => "WTH",
            Self::Elevator => "ELV",
        }
    }

    /// What people call such a module.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Station => "station",
            Self::LightEffect => "lights",
            Self::SwitchTrack => "points",
            Self::SmokeMachine => "smoke machine",
            Self::Signal => "signal",
            Self::Crossing => "level crossing",
            Self::Turntable => "turntable",
            Self::SoundModule => "sound",
            Self::WeatherMast => "weather mast",
            Self::Elevator => "lift",
        }
    }

    /// What such a module measures, under the names it reports.
    pub fn gauges(self) -> Vec<(&'static str, Gauge)> {
        match self {
            Self::Station => station(),
            Self::LightEffect => light_effect(),
            Self::SwitchTrack => switch_track(),
            Self::SmokeMachine => smoke_machine(),
            Self::Signal => signal(),
            Self::Crossing => crossing(),
            Self::Turntable => turntable(),
            Self::SoundModule => sound_module(),
            Self::WeatherMast => weather_mast(),
            Self::Elevator => elevator(),
        }
    }
}

fn station() -> Vec<(&'static str, Gauge)> {
    vec![
        ("passengers", walk(40.0, 0.0, 240.0, 12.0, 0)),
        ("temperature", walk(21.0, 14.0, 29.0, 0.6, 1)),
        ("platform", choice(&["free", "boarding", "occupied"], 4.0)),
        ("trainsToday", Gauge::Counter { count: 0, rate: 0.8 }),
        ("doorsOpen", switch(false, 3.0)),
    ]
}

fn light_effect() -> Vec<(&'static str, Gauge)> {
    vec![
        ("on", switch(true, 1.0)),
        ("brightness", walk(70.0, 0.0, 100.0, 15.0, 0)),
        ("colour", choice(&["warm", "cold", "red", "green", "blue"], 3.0)),
        ("current", walk(1.2, 0.1, 3.0, 0.4, 2)),
    ]
}

fn switch_track() -> Vec<(&'static str, Gauge)> {
    vec![
        ("position", choice(&["straight", "diverging"], 5.0)),
        ("locked", switch(false, 2.0)),
        ("throws", Gauge::Counter { count: 1200, rate: 5.0 }),
        ("motorTemperature", walk(31.0, 18.0, 75.0, 2.5, 1)),
    ]
}

fn smoke_machine() -> Vec<(&'static str, Gauge)> {
    vec![
        ("running", switch(false, 2.0)),
        ("tank", Gauge::Battery { percent: 82.0, drain: 1.5, charging: false }),
        ("heater", walk(185.0, 160.0, 220.0, 6.0, 0)),
        ("pressure", walk(1.4, 0.8, 2.2, 0.15, 2)),
    ]
}

fn signal() -> Vec<(&'static str, Gauge)> {
    vec![
        ("aspect", choice(&["stop", "caution", "clear"], 6.0)),
        ("lampCurrent", walk(0.18, 0.10, 0.25, 0.01, 3)),
        ("changes", Gauge::Counter { count: 5300, rate: 6.0 }),
    ]
}

fn crossing() -> Vec<(&'static str, Gauge)> {
    vec![
        ("barrier", choice(&["open", "closing", "closed", "opening"], 3.0)),
        ("bell", switch(false, 2.0)),
        ("trafficCount", Gauge::Counter { count: 310, rate: 14.0 }),
        ("battery", Gauge::Battery { percent: 96.0, drain: 0.3, charging: false }),
    ]
}

fn turntable() -> Vec<(&'static str, Gauge)> {
    vec![
        ("angle", walk(90.0, 0.0, 359.9, 40.0, 1)),
        ("turning", switch(false, 2.5)),
        ("load", walk(62.0, 0.0, 120.0, 10.0, 1)),
        ("motorTemperature", walk(28.0, 16.0, 70.0, 2.0, 1)),
    ]
}

fn sound_module() -> Vec<(&'static str, Gauge)> {
    vec![
        ("playing", switch(true, 1.5)),
        ("track", choice(&["departure", "rain", "steam", "crowd", "bells"], 2.0)),
        ("volume", walk(55.0, 0.0, 100.0, 5.0, 0)),
        ("plays", Gauge::Counter { count: 88, rate: 2.0 }),
    ]
}

fn weather_mast() -> Vec<(&'static str, Gauge)> {
    vec![
        ("temperature", walk(16.0, -12.0, 36.0, 0.5, 1)),
        ("humidity", walk(58.0, 15.0, 100.0, 2.0, 0)),
        ("wind", walk(4.2, 0.0, 28.0, 1.5, 1)),
        ("pressure", walk(1013.0, 985.0, 1040.0, 0.4, 1)),
        ("battery", Gauge::Battery { percent: 74.0, drain: 0.2, charging: false }),
    ]
}

fn elevator() -> Vec<(&'static str, Gauge)> {
    vec![
        ("floor", choice(&["street", "bridge", "platform"], 6.0)),
        ("doorsOpen", switch(false, 6.0)),
        ("load", walk(180.0, 0.0, 630.0, 80.0, 0)),
        ("trips", Gauge::Counter { count: 9021, rate: 5.0 }),
    ]
}

fn walk(value: f64, low: f64, high: f64, pace: f64, decimals: i32) -> Gauge {
    Gauge::Walk { value, bounds: (low, high), pace, decimals }
}

fn switch(on: bool, rate: f64) -> Gauge {
    Gauge::Switch { on, rate }
}

fn choice(states: &'static [&'static str], rate: f64) -> Gauge {
    Gauge::Choice { current: states.first().copied().unwrap_or_default(), states, rate }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_type_has_a_suffix_of_its_own() {
        let suffixes: HashSet<_> = Kind::ALL.iter().map(|kind| kind.suffix()).collect();

        assert_eq!(suffixes.len(), Kind::ALL.len());
    }

    #[test]
    fn every_type_measures_several_things_under_different_names() {
        for kind in Kind::ALL {
            let gauges = kind.gauges();
            let names: HashSet<_> = gauges.iter().map(|(name, _)| name).collect();

            assert!(gauges.len() >= 3, "{kind:?} measures little");
            assert_eq!(names.len(), gauges.len(), "{kind:?} uses a name twice");
        }
    }
}
