//! Removing one authenticator, or the second step.

use crate::login::audit::Value;
use crate::login::machine::Machine;
use crate::store::Durability;
use crate::store::files::LockedState;
use crate::store::files::credential::Credential;

use super::act::Act;
use super::failure::Failure;
use super::{Actor, Context, Frontend, Initial, PROOF, UNCHANGED, labels};

impl<M: Machine> Context<'_, M> {
    /// Removes the authenticator called `label`, or all. The state stays: no code that was used becomes usable.
    pub(super) fn remove(
        &self,
        frontend: &mut impl Frontend,
        label: Option<&str>,
    ) -> Result<Act<String>, Failure> {
        let asked = match label {
            Some(label) => {
                self.others_than(&self.credential()?, label)?;
                PROOF.to_owned()
            }
            None => {
                self.check_free()?;
                format!("This removes {}, and the recovery codes.\n{PROOF}", labels(&self.credential()?))
            }
        };
        let basis = self.prove(frontend, &asked)?;
        if label.is_none() {
            // Before the lock: groups may be looked up over a network, and logins wait for the lock.
            self.renewed()?.check_free()?;
        }
        let locked = self.lock()?;
        let credential = self.credential_on(&basis, UNCHANGED)?;
        match label {
            Some(label) => self.remove_one(credential, label),
            None => self.remove_all(locked),
        }
    }

    /// The caller holds the lock.
    fn remove_one(&self, credential: Credential, label: &str) -> Result<Act<String>, Failure> {
        let left = self.others_than(&credential, label)?;
        let Credential { mut authenticators, .. } = credential;
        authenticators.retain(|one| one.label != label);
        self.store.write_credential(self.account, &Credential { authenticators, ..credential })?;
        let text = format!("Authenticator '{label}'{} was removed. There still is {left}.", self.whose());
        Ok(Act::done("remove", format!(" authenticator={}", Value(label)), text))
    }

    /// The credential goes last: if this breaks off, the person is still enrolled, and not half forgotten.
    fn remove_all(&self, mut locked: LockedState) -> Result<Act<String>, Failure> {
        locked.save(locked.state().forget(&self.account.name), Durability::Flushed)?;
        self.store.remove_credential(self.account.uid)?;
        let (they_are, option) = (self.they(Initial::Capital, "are", "is"), self.option());
        let text = format!("{they_are} no longer enrolled. To enroll anew: twostep enroll{option}");
        Ok(Act::done("remove", "", text))
    }

    /// What is left if `label` goes, in words. It must be there, and not the last.
    fn others_than(&self, credential: &Credential, label: &str) -> Result<String, Failure> {
        if !credential.authenticators.iter().any(|one| one.label == label) {
            return Err(Failure::refused(
                format!("{} no authenticator '{label}'.", self.they(Initial::Small, "have", "has")),
                format!("There is {}.", labels(credential)),
            ));
        }
        let others = credential.authenticators.iter().filter(|one| one.label != label);
        let others: Vec<_> = others.map(|one| format!("'{}'", one.label)).collect();
        if others.is_empty() {
            return Err(Failure::refused(
                format!("'{label}' is the only authenticator{}.", self.whose()),
                format!("To give up the second step, run 'twostep remove{}' without a label.", self.option()),
            ));
        }
        Ok(others.join(", "))
    }

    /// Fails if the owner must have a second step: then only an administrator removes it.
    fn check_free(&self) -> Result<(), Failure> {
        if self.actor == Actor::Administrator {
            return Ok(());
        }
        let Some(obligation) = self.obligation()? else { return Ok(()) };
        Err(Failure::refused(
            format!("a second step is required of you {}.", obligation.text()),
            "To change phones, add the new one ('twostep enroll --label tablet'), then remove the old one by its label. \
             For anything else, ask your administrator.",
        ))
    }
}
