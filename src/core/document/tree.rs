//! The tree of a TOML document, built from the events of `toml_parser`, whose lexer, parser and decoders the crate `toml`
//! uses too. It accepts the same documents as that crate, except for tables of more than [`MOST_KEYS`] keys, and reports
//! the same errors: `equivalence.rs` compares them.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use toml_datetime::Datetime;
use toml_parser::decoder::{Encoding, IntegerRadix, ScalarKind};
use toml_parser::parser::{EventReceiver, parse_document};
use toml_parser::{ErrorSink, ParseError, Raw, Source, Span};

use crate::time::Day;

/// The deepest nesting of brackets and braces, and the most dots in a key: the limit of the crate `toml`. The parser
/// calls itself for each bracket, so that without a limit a document could exhaust the stack.
const DEEPEST: usize = 80;

/// The most keys of a table. A table of twostep's files has a dozen; the limit keeps the search for a key short.
pub(super) const MOST_KEYS: usize = 500;

/// The index of a node that does not exist.
const NONE: usize = usize::MAX;

/// The index of the document's own table.
pub(super) const ROOT: usize = 0;

/// A value with its key. Nodes refer to each other by their index.
pub(super) struct Node<'t> {
    pub(super) key: Key<'t>,
    /// The byte offset of the value; of the header, if the value is a table with one.
    pub(super) offset: usize,
    pub(super) content: Content<'t>,
    /// The next value of the same table or list.
    pub(super) next: usize,
    /// Whether a reader has asked for it.
    pub(super) is_asked: Cell<bool>,
}

/// A key, or a part of one between dots.
#[derive(Clone, Default)]
pub(super) struct Key<'t> {
    /// The key without quotes; empty for a value of a list.
    pub(super) name: Cow<'t, str>,
    pub(super) offset: usize,
}

pub(super) enum Content<'t> {
    String(Cow<'t, str>),
    Integer {
        /// Without underscores, perhaps after a sign.
        digits: Cow<'t, str>,
        radix: IntegerRadix,
    },
    Float,
    Boolean(bool),
    Date(Day),
    Time,
    List {
        parts: Parts,
        form: ListForm,
    },
    Table {
        parts: Parts,
        form: TableForm,
    },
}

/// The values of a table or list, in the order of the document.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub(super) first: usize,
    last: usize,
    many: usize,
}

impl Parts {
    const NONE: Self = Self { first: NONE, last: NONE, many: 0 };
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListForm {
    Brackets,
    /// `[[header]]`
    Headers,
}

/// How a table is written, which decides what may be added to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TableForm {
    /// The document, or `[header]`.
    Header,
    /// Only a longer header names it.
    Implied,
    /// A key with a dot.
    Dotted,
    Braces,
    /// A key with a dot, in braces.
    DottedInBraces,
}

impl TableForm {
    fn is_open_to_dotted_keys(self) -> bool {
        match self {
            Self::Implied | Self::Dotted | Self::DottedInBraces => true,
            Self::Header | Self::Braces => false,
        }
    }

    fn is_in_braces(self) -> bool {
        match self {
            Self::Braces | Self::DottedInBraces => true,
            Self::Header | Self::Implied | Self::Dotted => false,
        }
    }
}

/// The nodes of `text`, the first of which is the [`ROOT`]; or its errors, at least one: first those of the grammar, then
/// those of keys and values.
pub(super) fn parse(text: &str) -> Result<Vec<Node<'_>>, Vec<ParseError>> {
    let tokens = Source::new(text).lex().into_vec();
    let mut errors = Vec::new();
    let mut builder = Builder {
        text,
        // A key has a token of its own, and so have `=`, the value, the end of the line, and mostly both spaces.
        nodes: Vec::with_capacity((tokens.len() / 4).saturating_add(1)),
        errors: Vec::new(),
        depth: 0,
        place: Place::Line,
        path: Vec::with_capacity(4),
        is_after_dot: false,
        table: ROOT,
        open: Vec::new(),
    };
    builder.add(Key::default(), 0, Content::Table { parts: Parts::NONE, form: TableForm::Header });
    parse_document(&tokens, &mut builder, &mut errors);
    builder.end();
    errors.append(&mut builder.errors);
    if errors.is_empty() { Ok(builder.nodes) } else { Err(errors) }
}

struct Builder<'t> {
    text: &'t str,
    nodes: Vec<Node<'t>>,
    /// The errors of keys and values.
    errors: Vec<ParseError>,
    /// How many brackets and braces are open.
    depth: usize,
    place: Place,
    /// The parts of the keys that wait for their values: those of the line, then those of each open brace.
    path: Vec<Key<'t>>,
    /// Whether a dot follows the last part.
    is_after_dot: bool,
    /// The table of the last header.
    table: usize,
    /// The open brackets and braces, the innermost last.
    open: Vec<Open>,
}

/// Where the last event was, outside of brackets and braces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a key or header.
    Line,
    /// In the header that begins at this offset.
    Header(usize, ListForm),
    /// After a key.
    Key,
    /// After `=`, or in the brackets or braces there.
    Value,
    /// After a key without `=`, or one too many. The rest of the document is not looked at.
    Lost,
}

/// A list or a table in braces that is not closed yet.
#[derive(Clone, Copy)]
struct Open {
    node: usize,
    is_list: bool,
    /// The length of `path` before its own keys.
    keys: usize,
    /// The value that is complete, but not added yet.
    value: usize,
}

impl<'t> Builder<'t> {
    #[inline(never)]
    fn add(&mut self, key: Key<'t>, offset: usize, content: Content<'t>) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { key, offset, content, next: NONE, is_asked: Cell::new(false) });
        node
    }

    /// Adds `child` at the end of the table or list `parent`.
    fn link(&mut self, parent: usize, child: usize) {
        let (parts, is_list) = match self.content(parent) {
            Some(Content::List { parts, .. }) => (parts, true),
            Some(Content::Table { parts, .. }) => (parts, false),
            _ => return,
        };
        let before = parts.last;
        parts.last = child;
        parts.many = parts.many.saturating_add(1);
        let many = parts.many;
        if before == NONE {
            parts.first = child;
        } else if let Some(before) = self.nodes.get_mut(before) {
            before.next = child;
        }
        if many > MOST_KEYS && !is_list {
            self.place = Place::Lost;
            let offset = self.nodes.get(child).map_or(0, |child| child.key.offset);
            self.refuse(offset, "too many keys in a table");
        }
    }

    fn content(&mut self, node: usize) -> Option<&mut Content<'t>> {
        self.nodes.get_mut(node).map(|node| &mut node.content)
    }

    /// The value of the key `name` in `table`.
    fn find(&self, table: usize, name: &str) -> Option<usize> {
        let Content::Table { parts, .. } = &self.nodes.get(table)?.content else { return None };
        let mut next = parts.first;
        while let Some(node) = self.nodes.get(next) {
            if node.key.name == name {
                return Some(next);
            }
            next = node.next;
        }
        None
    }

    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Raw<'t> {
        let text = self.text.get(span.start()..span.end()).unwrap_or_default();
        Raw::new_unchecked(text, encoding, span)
    }

    #[cold]
    fn refuse(&mut self, offset: usize, message: impl Into<Cow<'static, str>>) {
        self.errors.push(ParseError::new(message).with_unexpected(Span::new_unchecked(offset, offset)));
    }

    /// Whether a value may begin here.
    fn takes_value(&mut self) -> bool {
        self.expect_equals();
        self.place == Place::Value
    }

    /// After a key, anything else than `=` is an error, which the parser has reported.
    fn expect_equals(&mut self) {
        if self.place == Place::Key {
            self.place = Place::Lost;
        }
    }

    /// Keeps a complete value until what follows it is known, or adds it to the table of the last header.
    fn complete(&mut self, node: usize) {
        if let Some(open) = self.open.last_mut() {
            open.value = node;
            return;
        }
        self.place = Place::Line;
        self.insert(self.table, 0, node);
    }

    /// Adds the value that the innermost bracket or brace holds back.
    fn complete_part(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        let Open { node, is_list, keys, value } = *open;
        open.value = NONE;
        if value == NONE {
            self.path.truncate(keys);
        } else if is_list {
            self.link(node, value);
        } else {
            self.insert(node, keys, value);
        }
    }

    /// Ends the innermost bracket or brace.
    fn close(&mut self) {
        if let Some(Open { node, keys, .. }) = self.open.pop() {
            self.path.truncate(keys);
            self.complete(node);
        }
    }

    /// Adds `node` to `table` under the key that `path` has from `keys` on.
    #[inline(never)]
    fn insert(&mut self, table: usize, keys: usize, node: usize) {
        let has_key = self.path.len() > keys && !self.is_too_long(keys);
        let key = if has_key { self.path.pop() } else { None };
        let parent = self.descend(table, keys..self.path.len(), true);
        let is_dotted = self.path.len() > keys;
        self.path.truncate(keys);
        let (Some(key), Some(parent)) = (key, parent) else { return };
        let is_closed = match self.content(parent) {
            Some(Content::Table { form, .. }) => is_dotted && !form.is_open_to_dotted_keys(),
            _ => true,
        };
        if is_closed || self.find(parent, &key.name).is_some() {
            return self.refuse(key.offset, "duplicate key");
        }
        if let Some(node) = self.nodes.get_mut(node) {
            node.key = key;
        }
        self.link(parent, node);
    }

    /// Whether the key that `path` has from `keys` on has too many parts, which is an error already.
    fn is_too_long(&self, keys: usize) -> bool {
        self.path.len().saturating_sub(keys) > DEEPEST
    }

    /// The table that the parts `parts` of `path` lead to, from `table` on. Tables that are missing are made.
    fn descend(&mut self, mut table: usize, parts: Range<usize>, is_dotted: bool) -> Option<usize> {
        let is_in_braces = !self.open.is_empty();
        for part in parts {
            let key = self.path.get(part)?;
            let offset = key.offset;
            let Some(found) = self.find(table, &key.name) else {
                let form = match (is_dotted, is_in_braces) {
                    (false, _) => TableForm::Implied,
                    (true, false) => TableForm::Dotted,
                    (true, true) => TableForm::DottedInBraces,
                };
                let made = self.add(key.clone(), offset, Content::Table { parts: Parts::NONE, form });
                self.link(table, made);
                table = made;
                continue;
            };
            table = self
                .enter_table(found, is_dotted, is_in_braces)
                .map_err(|why| self.refuse(offset, why))
                .ok()?;
        }
        Some(table)
    }

    /// The table to which `node` leads, as a part of a longer key or header; or why it leads to none.
    fn enter_table(
        &mut self,
        node: usize,
        is_dotted: bool,
        is_in_braces: bool,
    ) -> Result<usize, Cow<'static, str>> {
        match self.content(node) {
            Some(Content::List { parts, form: ListForm::Headers }) => Ok(parts.last),
            Some(Content::Table { form, .. }) => {
                if form.is_in_braces() && !is_in_braces {
                    return Err("cannot extend value of type inline table with a dotted key".into());
                }
                if is_dotted && !form.is_open_to_dotted_keys() {
                    return Err("duplicate key".into());
                }
                if is_dotted && *form == TableForm::Implied {
                    *form = TableForm::Dotted;
                }
                Ok(node)
            }
            other => {
                let name = other.map_or("", |content| content.name());
                Err(format!("cannot extend value of type {name} with a dotted key").into())
            }
        }
    }

    /// Ends a header: makes its table, to which the keys after it belong.
    fn end_header(&mut self) {
        let Place::Header(offset, form) = self.place else { return };
        self.place = Place::Line;
        let key = if self.is_too_long(0) { None } else { self.path.pop() };
        let parent = key.as_ref().and_then(|_| self.descend(ROOT, 0..self.path.len(), false));
        self.path.clear();
        self.table = match (key, parent) {
            (Some(key), Some(parent)) if form == ListForm::Headers => self.next_of_list(parent, key, offset),
            (Some(key), Some(parent)) => self.table_of_header(parent, key, offset),
            // Takes the keys after the faulty header.
            _ => self.add_table(Key::default(), offset),
        };
    }

    fn add_table(&mut self, key: Key<'t>, offset: usize) -> usize {
        self.add(key, offset, Content::Table { parts: Parts::NONE, form: TableForm::Header })
    }

    fn next_of_list(&mut self, parent: usize, key: Key<'t>, offset: usize) -> usize {
        let table = self.add_table(Key::default(), offset);
        let list = self.find(parent, &key.name).unwrap_or_else(|| {
            let list =
                self.add(key.clone(), offset, Content::List { parts: Parts::NONE, form: ListForm::Headers });
            self.link(parent, list);
            list
        });
        match self.content(list) {
            Some(Content::List { form: ListForm::Headers, .. }) => self.link(list, table),
            _ => self.refuse(key.offset, "duplicate key"),
        }
        table
    }

    fn table_of_header(&mut self, parent: usize, key: Key<'t>, offset: usize) -> usize {
        let Some(found) = self.find(parent, &key.name) else {
            let table = self.add_table(key, offset);
            self.link(parent, table);
            return table;
        };
        let Some(node) = self.nodes.get_mut(found) else { return found };
        let key_offset = key.offset;
        (node.key, node.offset) = (key, offset);
        let is_implied = matches!(node.content, Content::Table { form: TableForm::Implied, .. });
        if let Content::Table { form, .. } = &mut node.content {
            *form = if form.is_in_braces() { TableForm::Braces } else { TableForm::Header };
        } else {
            node.content = Content::Table { parts: Parts::NONE, form: TableForm::Header };
        }
        if !is_implied {
            self.refuse(key_offset, "duplicate key");
        }
        found
    }

    /// Enters brackets or braces. Returns whether they are not too deep.
    fn enter(&mut self, content: Content<'t>, span: Span, error: &mut dyn ErrorSink) -> bool {
        self.depth = self.depth.saturating_add(1);
        if self.takes_value() {
            let is_list = matches!(content, Content::List { .. });
            let node = self.add(Key::default(), span.start(), content);
            self.open.push(Open { node, is_list, keys: self.path.len(), value: NONE });
        }
        let is_allowed = self.depth <= DEEPEST;
        if !is_allowed {
            let message = "cannot recurse further; max recursion depth met";
            error.report_error(ParseError::new(message).with_unexpected(span));
        }
        is_allowed
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.expect_equals();
        self.complete_part();
        self.close();
    }

    fn begin_header(&mut self, span: Span, form: ListForm) {
        self.expect_equals();
        if self.place == Place::Line {
            self.place = Place::Header(span.start(), form);
            self.path.clear();
        }
    }

    fn end(&mut self) {
        // A header without its bracket.
        self.end_header();
        // The parser skipped the closing bracket in search of another.
        while !self.open.is_empty() {
            self.close();
        }
    }

    fn scalar_of(&mut self, span: Span, encoding: Option<Encoding>) -> Content<'t> {
        let mut text = Cow::Borrowed("");
        match self.raw(span, encoding).decode_scalar(&mut text, &mut self.errors) {
            ScalarKind::String => Content::String(text),
            ScalarKind::Boolean(value) => Content::Boolean(value),
            ScalarKind::Float => Content::Float,
            ScalarKind::Integer(radix) => Content::Integer { digits: text, radix },
            ScalarKind::DateTime => match text.parse::<Datetime>() {
                Ok(Datetime { date: Some(date), time: None, .. }) => {
                    Content::Date(Day::new(date.year, date.month, date.day))
                }
                Ok(_) => Content::Time,
                Err(error) => {
                    self.refuse(span.start(), error.to_string());
                    Content::Time
                }
            },
        }
    }
}

impl Content<'_> {
    /// The name of the type in the errors of the crate `toml`.
    fn name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Integer { .. } => "integer",
            Self::Float => "float",
            Self::Boolean(_) => "boolean",
            Self::Date(_) | Self::Time => "datetime",
            Self::List { .. } => "array",
            Self::Table { .. } => "table",
        }
    }
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.begin_header(span, ListForm::Brackets);
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.begin_header(span, ListForm::Headers);
    }

    fn std_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.end_header();
    }

    fn array_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.end_header();
    }

    fn inline_table_open(&mut self, span: Span, error: &mut dyn ErrorSink) -> bool {
        self.enter(Content::Table { parts: Parts::NONE, form: TableForm::Braces }, span, error)
    }

    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.leave();
    }

    fn array_open(&mut self, span: Span, error: &mut dyn ErrorSink) -> bool {
        self.enter(Content::List { parts: Parts::NONE, form: ListForm::Brackets }, span, error)
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.leave();
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, _: &mut dyn ErrorSink) {
        let is_next_part = std::mem::take(&mut self.is_after_dot);
        if !is_next_part {
            self.expect_equals();
        }
        match self.place {
            Place::Lost => return,
            Place::Line => self.place = Place::Key,
            Place::Header(..) | Place::Key | Place::Value => {}
        }
        let keys = self.open.last().map_or(0, |open| open.keys);
        if !is_next_part {
            self.path.truncate(keys);
        }
        let mut name = Cow::Borrowed("");
        self.raw(span, encoding).decode_key(&mut name, &mut self.errors);
        let was_too_long = self.is_too_long(keys);
        self.path.push(Key { name, offset: span.start() });
        if self.is_too_long(keys) && !was_too_long {
            self.errors.push(ParseError::new("recursion limit"));
        }
    }

    fn key_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.is_after_dot = true;
    }

    fn key_val_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        if self.place == Place::Key {
            self.place = if self.is_too_long(0) { Place::Lost } else { Place::Value };
        }
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, _: &mut dyn ErrorSink) {
        if self.takes_value() {
            let content = self.scalar_of(span, encoding);
            let node = self.add(Key::default(), span.start(), content);
            self.complete(node);
        }
    }

    fn value_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.expect_equals();
        self.complete_part();
    }

    fn comment(&mut self, span: Span, error: &mut dyn ErrorSink) {
        self.raw(span, None).decode_comment(error);
        self.expect_equals();
    }

    fn newline(&mut self, span: Span, error: &mut dyn ErrorSink) {
        self.raw(span, None).decode_newline(error);
        self.expect_equals();
    }

    fn error(&mut self, _: Span, _: &mut dyn ErrorSink) {
        // After a second `=` the parser goes on with the value, but this value is that of no key.
        if self.takes_value() && self.open.is_empty() {
            let node = self.add(
                Key::default(),
                0,
                Content::Integer { digits: Cow::Borrowed("0"), radix: IntegerRadix::Dec },
            );
            self.complete(node);
        }
    }
}
