//! `twostep storage`.

twostep_core::words! {
    /// The result. `format` is 1 or 2.
    changed(format, changed) = "New records have format {format}. Records changed to it: {changed}.";
    /// After `note:`, where format 1 has no room.
    FORGOTTEN =
        "Format 1 has no room for when and where users typed codes, and for when you ran\n\
         'twostep require'. Both were deleted.";
    /// After `error:`, below the errors of these records.
    not_changed(failed) = "records that were not changed: {failed}";
    /// Below it.
    NOT_CHANGED_THEN = "The errors above say why. Run the command again afterwards.";
}
