//! The header of an ELF file ("ELF Header" of the System V ABI).

/// The type of a shared object, and of a position-independent program.
const SHARED_OBJECT: u16 = 3;
/// How many bytes the fields that are read here take.
pub const LENGTH: u64 = 20;

/// For which machines a file was built: class, byte order and processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Processor(u8, u8, u16);

/// The header of an ELF file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Whether it is a shared object.
    pub is_shared: bool,
    /// For which machines it was built.
    pub processor: Processor,
}

impl Header {
    /// The header with which `bytes` begin; none if they are no ELF file.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<16>()?;
        let (kind, rest) = rest.split_first_chunk::<2>()?;
        let (machine, _) = rest.split_first_chunk::<2>()?;
        let [0x7f, b'E', b'L', b'F', class, order, ..] = *head else { return None };
        let number =
            |bytes: [u8; 2]| if order == 2 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        let processor = Processor(class, order, number(*machine));
        Some(Self { is_shared: number(*kind) == SHARED_OBJECT, processor })
    }
}
