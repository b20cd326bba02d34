//! What the checks look at: a machine, its policy, the time, and how much of it may be seen.

use std::cell::OnceCell;

use nix::unistd::geteuid;
use twostep_core::fault::Fault;
use twostep_core::login::machine::Surroundings;
use twostep_core::machine::System;
use twostep_core::os::clock;
use twostep_core::os::root::Root;
use twostep_core::paths::POLICY;
use twostep_core::policy::Policy;
use twostep_core::time::UnixTime;
use twostep_hostconf::sudoers::{Sudoers, SudoersFault};
use twostep_hostconf::tree::is_hidden;

/// How much can be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visibility {
    /// Everything, to root and to whoever owns the root: what cannot be read is a fault.
    Whole,
    /// What everybody may read: what cannot be read may be as it should.
    Public,
}

impl Visibility {
    /// What this process sees of `root`.
    pub fn of(root: &Root) -> Result<Self, Fault> {
        let own = geteuid();
        Ok(if own.is_root() || own == root.system_owner()? { Self::Whole } else { Self::Public })
    }
}

/// What the checks look at.
pub struct Context<'a> {
    /// Where all files lie.
    pub root: &'a Root,
    /// How much of them this process may see.
    pub visibility: Visibility,
    /// The policy, if it can be read and has no error.
    pub policy: Option<Policy>,
    /// Its text, if it can be read.
    pub policy_text: Option<String>,
    pub now: UnixTime,
    sudoers: OnceCell<Result<Option<Sudoers>, SudoersFault>>,
}

impl<'a> Context<'a> {
    /// The machine below `root`, as this process sees it now.
    pub fn of(root: &'a Root) -> Result<Self, Fault> {
        let system = System::new(root.clone());
        let text = system.policy_text().ok();
        Ok(Self {
            root,
            visibility: Visibility::of(root)?,
            policy: system.policy().ok(),
            policy_text: text.map(|(_, text)| String::from_utf8_lossy(&text).into_owned()),
            now: clock::now()?,
            sudoers: OnceCell::new(),
        })
    }

    /// What the files of sudoers say, read once: cvtsudoers may be slow.
    pub(crate) fn sudoers(&self) -> Result<Option<&Sudoers>, &SudoersFault> {
        self.sudoers.get_or_init(|| Sudoers::read(self.root)).as_ref().map(Option::as_ref)
    }

    /// Whether the policy is there for others to read, so that nothing can be said of what it decides.
    pub fn hides_policy(&self) -> bool {
        self.visibility == Visibility::Public && is_hidden(&self.root.path(POLICY))
    }
}
