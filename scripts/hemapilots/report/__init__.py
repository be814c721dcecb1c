"""Pages that people read: one report per pilot, and one page over all pilots. Central: released files only, never a site's folder."""
