//! One walk through a stack, step by step, as libpam does it (_pam_dispatch_aux in pam_dispatch.c).

use super::control::{Action, Control, ReturnValue};

/// What libpam does at a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handler {
    /// Asks the module that the line names.
    Module,
    /// Nothing: the lines that follow one level deeper are the substack.
    Substack,
    /// Refuses, because the line cannot be read.
    Broken,
}

/// The facts of a line that a walk needs.
pub trait StackLine {
    /// How many substacks enclose the line.
    fn level(&self) -> usize;

    /// What libpam does at the line.
    fn handler(&self) -> Handler;

    /// The action of each return value.
    fn control(&self) -> &Control;
}

/// The result of the lines so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Impression {
    None,
    Yes,
    No,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Balance {
    impression: Impression,
    status: ReturnValue,
}

/// A position in a stack, with the result of the lines before it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Walk {
    /// The number of the next line, from 0.
    next: usize,
    /// The level of the last line.
    level: usize,
    balance: Balance,
    /// The result at the beginning of each level.
    began: Vec<Balance>,
}

impl Walk {
    /// The walk before the first line.
    pub fn start() -> Self {
        let balance = Balance { impression: Impression::None, status: ReturnValue::PERM_DENIED };
        Self { next: 0, level: 0, balance, began: vec![balance] }
    }

    /// The number of the next line, from 0.
    pub fn next(&self) -> usize {
        self.next
    }

    /// Whether a line has refused so far.
    pub fn is_refused(&self) -> bool {
        self.balance.impression == Impression::No
    }

    /// The return value to the application if no line follows.
    pub fn outcome(&self) -> ReturnValue {
        match self.balance {
            Balance { impression: Impression::Yes, status } => status,
            Balance { status: ReturnValue::SUCCESS, .. } => ReturnValue::PERM_DENIED,
            Balance { status, .. } => status,
        }
    }

    /// The walk after the next line, whose module returned `answer`.
    pub fn step<L: StackLine>(&self, stack: &[L], answer: ReturnValue) -> Self {
        let Some(line) = stack.get(self.next) else { return self.clone() };
        let mut walk = self.clone();
        walk.enter(line.level());
        if line.handler() != Handler::Substack {
            walk.act(stack, line, answer);
        }
        walk.next = walk.next.saturating_add(1);
        walk
    }

    fn enter(&mut self, level: usize) {
        if self.level < level {
            self.began.resize(level, self.balance);
            self.began.push(self.balance);
        }
        self.began.truncate(level.saturating_add(1));
        self.level = level;
    }

    fn act<L: StackLine>(&mut self, stack: &[L], line: &L, answer: ReturnValue) {
        match line.control().on(answer) {
            Action::Ignore => {}
            Action::Ok => self.balance.agree(answer),
            Action::Done => {
                self.balance.agree(answer);
                if self.balance.impression == Impression::Yes {
                    self.leave(stack, line.level());
                }
            }
            Action::Bad => self.balance.refuse(answer),
            Action::Die => {
                self.balance.refuse(answer);
                self.leave(stack, line.level());
            }
            Action::Reset => self.balance = self.began.last().copied().unwrap_or(self.balance),
            Action::Jump(lines) => self.jump(stack, line.level(), lines),
        }
    }

    /// Goes to the last line of this level, which ends the substack or the whole stack.
    fn leave<L: StackLine>(&mut self, stack: &[L], level: usize) {
        while stack.get(self.next.saturating_add(1)).is_some_and(|line| line.level() >= level) {
            self.next = self.next.saturating_add(1);
        }
    }

    /// Skips `lines` lines; a substack counts as one. A jump out of the level refuses.
    fn jump<L: StackLine>(&mut self, stack: &[L], level: usize, lines: usize) {
        for _ in 0..lines {
            if stack.get(self.next.saturating_add(1)).is_none_or(|line| line.level() < level) {
                self.balance = Balance { impression: Impression::No, status: ReturnValue::PERM_DENIED };
                return;
            }
            self.next = self.next.saturating_add(1);
            while stack.get(self.next.saturating_add(1)).is_some_and(|line| line.level() > level) {
                self.next = self.next.saturating_add(1);
            }
        }
    }
}

impl Balance {
    fn agree(&mut self, answer: ReturnValue) {
        match self.impression {
            Impression::None => *self = Self { impression: Impression::Yes, status: answer },
            Impression::Yes if self.status == ReturnValue::SUCCESS => self.status = answer,
            Impression::Yes | Impression::No => {}
        }
    }

    fn refuse(&mut self, answer: ReturnValue) {
        if self.impression != Impression::No {
            let status = if answer == ReturnValue::IGNORE { ReturnValue::PERM_DENIED } else { answer };
            *self = Self { impression: Impression::No, status };
        }
    }
}
