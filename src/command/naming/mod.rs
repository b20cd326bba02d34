//! How each verb takes the users it is about: one user, one user and a label, or many users.

mod each;
mod file;
mod group;
mod many;
mod one;

pub(crate) use each::EachUser;
pub(crate) use group::members as members_of_group;
pub(crate) use many::{Found, ManyUsers};
pub(crate) use one::{OneUser, OneUserAndLabel};
