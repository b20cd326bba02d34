//! Leaves nothing behind in memory: what a login has held must not be found in the host's core dumps or swap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::mem::MaybeUninit;

/// The system's allocator, which wipes what is freed. Types that wipe themselves are not enough: the crates between a secret
/// and its end (TOML, base32, the QR code, C strings) make copies of their own.
pub struct WipingAllocator;

// SAFETY: memory comes from and goes back to the system's allocator, with the same layout; `realloc` is the trait's own, which
// takes new memory, copies, and frees the old by `dealloc`.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: what the caller promises is what the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back memory of this size, which nobody else uses any more.
        unsafe { std::ptr::write_bytes(memory, 0, layout.size()) };
        // Without this the compiler might leave the zeros out, because nobody reads them.
        black_box(memory);
        // SAFETY: what the caller promises is what the system's allocator asks for.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Wipes the part of the stack on which the calls before have left their copies.
#[inline(never)]
pub fn wipe_stack() {
    /// More than the deepest call uses; less than any thread's stack has.
    const DEPTH: usize = 64 * 1024;
    /// A longer piece libc would write byte by byte (`rep stosb`).
    const PIECE: usize = 1024;
    for piece in &mut [const { MaybeUninit::<[u8; PIECE]>::uninit() }; DEPTH / PIECE] {
        black_box(piece.write([0; PIECE]));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    const SECRET: [u8; 16] = *b"on a stack once!";

    /// Leaves a secret on the stack, deep enough that a call of the tests' own does not reach it. Returns where.
    #[inline(never)]
    fn leave_a_secret() -> u64 {
        let mut frame = [0u8; 16 * 1024];
        let (secret, _) = frame.split_first_chunk_mut().unwrap();
        *secret = SECRET;
        black_box(&mut frame).as_ptr().addr() as u64
    }

    /// What lies there, read as somebody who has a dump of the memory reads it.
    fn is_there(address: u64) -> bool {
        let mut found = [0; SECRET.len()];
        File::open("/proc/self/mem").unwrap().read_exact_at(&mut found, address).unwrap();
        found == SECRET
    }

    #[test]
    fn what_calls_have_left_on_the_stack_is_gone() {
        let address = leave_a_secret();
        assert!(is_there(address), "a call that ends wipes nothing by itself");
        wipe_stack();
        assert!(!is_there(address));
    }
}
