"""REDCap exports: raw and label, boxes, repeating instruments, events."""
