//! What the steps of the hot path cost: `cargo bench` tells their times; their instructions, which are the same at every
//! run, are held to `limits.tsv` by `benches/gate`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool that speaks to its terminal")]

mod catch_up;
mod codec;
mod events;
mod index;
mod outbox;
mod permission;
mod ring;
mod telemetry;

use std::process::ExitCode;

use criterion::Criterion;

/// One step: its name, and how to make it ready; what comes of that does the step each time.
type Step = (&'static str, fn() -> Box<dyn FnMut()>);

/// How often a step is done while its instructions are counted.
const ROUNDS: usize = 20;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--steps"] => steps().iter().for_each(|(name, _)| println!("{name}")),
        ["--rounds"] => println!("{ROUNDS}"),
        ["--count", wanted] => return count(wanted),
        _ => measure_times(),
    }
    ExitCode::SUCCESS
}

fn steps() -> Vec<Step> {
    let pure = [codec::STEPS, index::STEPS, ring::STEPS, catch_up::STEPS, permission::STEPS, telemetry::STEPS];
    [&pure.concat(), outbox::STEPS].concat()
}

fn measure_times() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, prepare) in steps() {
        let mut step = None;
        criterion.bench_function(name, |bencher| bencher.iter(step.get_or_insert_with(prepare)));
    }
    criterion.final_summary();
}

/// Does one step, for callgrind, which is told to look at [`counted`] only.
fn count(wanted: &str) -> ExitCode {
    let Some((_, prepare)) = steps().into_iter().find(|(name, _)| *name == wanted) else {
        eprintln!("there is no step `{wanted}`; `--steps` names them");
        return ExitCode::FAILURE;
    };
    let mut step = prepare();
    // What is made at the first time only is no part of the step.
    step();
    step();
    counted(&mut *step);
    ExitCode::SUCCESS
}

#[inline(never)]
fn counted(step: &mut dyn FnMut()) {
    for _ in 0..ROUNDS {
        step();
    }
}
