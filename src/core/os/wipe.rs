//! Wipes memory: the secrets of a login must not be found in the host's core dumps or swap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::mem::MaybeUninit;

/// The system's allocator, but it wipes memory that is freed. Types that wipe themselves are not enough: the crates
/// that handle a secret (TOML, base32, the QR code, C strings) make copies of their own.
pub struct WipingAllocator;

// SAFETY: all memory comes from the system's allocator and goes back to it with the same layout. `realloc` is the
// trait's own, which allocates, copies, and frees the old memory with `dealloc`.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that the system's allocator requires.
        unsafe { System.alloc(layout) }
    }

    // Inlined, it would be in thousands of places.
    #[inline(never)]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let (mut start, mut left) = (memory, layout.size());
        while left > PIECE {
            // SAFETY: the caller gives back memory of this size, which nothing else uses any more.
            unsafe { wipe(start, PIECE) };
            // SAFETY: more than a piece is left.
            start = unsafe { start.add(PIECE) };
            left = left.saturating_sub(PIECE);
        }
        // SAFETY: as above.
        unsafe { wipe(start, left) };
        // SAFETY: the caller's promises are those that the system's allocator requires.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// libc would wipe a longer piece byte by byte (`rep stosb`).
const PIECE: usize = 1024;

/// Overwrites `size` bytes at `memory` with zeros.
///
/// # Safety
///
/// The caller may write to these bytes, and nothing else uses them.
unsafe fn wipe(memory: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { std::ptr::write_bytes(memory, 0, size) };
    // Without this the compiler might leave the zeros out, because no code reads them.
    black_box(memory);
}

/// Wipes the part of the stack that earlier calls have used.
#[inline(never)]
pub fn wipe_stack() {
    /// More than the deepest login uses below this call's caller: 26 KiB, and about twice as much without optimization.
    /// It is less than the stack of any thread. Each page more is a page fault of the first login.
    const DEPTH: usize = if cfg!(debug_assertions) { 96 } else { 32 } * 1024;
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

    /// Leaves a secret on the stack, so deep that the tests' own calls do not overwrite it. Returns its address.
    #[inline(never)]
    fn leave_a_secret() -> u64 {
        let mut frame = [0u8; 16 * 1024];
        let (secret, _) = frame.split_first_chunk_mut().unwrap();
        *secret = SECRET;
        black_box(&mut frame).as_ptr().addr() as u64
    }

    /// The value there, read as from a memory dump.
    fn is_there(address: u64) -> bool {
        let mut found = [0; SECRET.len()];
        File::open("/proc/self/mem").unwrap().read_exact_at(&mut found, address).unwrap();
        found == SECRET
    }

    #[test]
    fn wipes_what_calls_have_left_on_the_stack() {
        let address = leave_a_secret();
        assert!(is_there(address), "a call that ends wipes nothing by itself");
        wipe_stack();
        assert!(!is_there(address));
    }
}
