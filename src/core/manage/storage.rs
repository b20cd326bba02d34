//! Changes the format of state files.

use crate::store::files::{self, slot::Format};

use super::act::{Act, ActError, ActLog, Acts, Target, WithStore};

impl<M: WithStore<Store = files::Store>, L: ActLog> Acts<'_, M, L> {
    /// Gives the state of `target` this format. False if it has it, or there is none.
    pub fn convert(&mut self, target: &Target, format: Format) -> Result<bool, ActError> {
        self.carry_out(target, |_, store| {
            let Some(converted) = store.convert(target.uid, format)? else {
                return Ok(Act::unchanged(false));
            };
            let damage = if converted.slot_was_damaged { " slot=damaged" } else { "" };
            Ok(Act::done("storage", format!(" format={format}{damage}"), true))
        })
    }
}
