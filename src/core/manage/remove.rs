//! Removing one authenticator, or the second step.

use crate::login::audit::Value;
use crate::login::machine::Machine;
use crate::store::Durability;
use crate::store::files::LockedState;
use crate::store::files::credential::Credential;
use crate::words::account as words;

use super::act::Act;
use super::failure::Failure;
use super::{Actor, Context, Frontend, labels};

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
                words::PROVE_IT.to_owned()
            }
            None => {
                self.check_free()?;
                format!("{}\n{}", words::removes_all(labels(&self.credential()?)), words::PROVE_IT)
            }
        };
        let basis = self.prove(frontend, &asked)?;
        if label.is_none() {
            // Before the lock: groups may be looked up over a network, and logins wait for the lock.
            self.renewed()?.check_free()?;
        }
        let locked = self.lock()?;
        let credential = self.credential_on(&basis, words::UNCHANGED)?;
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
        let text = words::removed(label, left);
        Ok(Act::done("remove", format!(" authenticator={}", Value(label)), text))
    }

    /// The credential goes last: if this breaks off, the person is still enrolled, and not half forgotten.
    fn remove_all(&self, mut locked: LockedState) -> Result<Act<String>, Failure> {
        locked.save(locked.state().forget(&self.account.name), Durability::Flushed)?;
        self.store.remove_credential(self.account.uid)?;
        Ok(Act::done("remove", "", words::removed_all(self.reader())))
    }

    /// What is left if `label` goes, in words. It must be there, and not the last.
    fn others_than(&self, credential: &Credential, label: &str) -> Result<String, Failure> {
        if !credential.authenticators.iter().any(|one| one.label == label) {
            return Err(Failure::refused(
                words::no_authenticator(self.reader(), label),
                words::there_are(labels(credential)),
            ));
        }
        let others = credential.authenticators.iter().filter(|one| one.label != label);
        let others: Vec<_> = others.map(|one| format!("'{}'", one.label)).collect();
        if others.is_empty() {
            return Err(Failure::refused(
                words::only_authenticator(self.reader(), label),
                words::how_to_remove_all(self.reader()),
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
        Err(Failure::refused(obligation.text(), words::HOW_TO_CHANGE_PHONES))
    }
}
