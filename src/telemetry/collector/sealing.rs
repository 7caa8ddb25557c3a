//! What is to be sealed of the tail, and what is sealed.

use std::ops::Range;

use actix::prelude::*;

use super::{Collector, Due, Sealed, TailOf};
use crate::domain::time::Timestamp;
use crate::store::readings::{ModuleNumber, RowId};

impl Handler<TailOf> for Collector {
    type Result = Vec<Range<RowId>>;

    fn handle(&mut self, TailOf(module): TailOf, _: &mut Self::Context) -> Self::Result {
        self.tail.of(module)
    }
}

impl Handler<Due> for Collector {
    type Result = Vec<(ModuleNumber, Vec<Range<RowId>>)>;

    fn handle(&mut self, _: Due, _: &mut Self::Context) -> Self::Result {
        self.tail.due(self.options.seal_after, Timestamp::now(), |module| self.unsaved.first_of(module))
    }
}

impl Handler<Sealed> for Collector {
    type Result = ();

    fn handle(&mut self, Sealed { module, until }: Sealed, _: &mut Self::Context) {
        self.tail.forget(module, until, Timestamp::now());
        if self.tail.rows_of(module) < self.unsealed_of_module_max {
            self.full.remove(&module);
        }
        self.metrics.readings_unsealed(self.tail.rows());
    }
}
