#pragma once

/* Small files as texts: what the kernel tells and takes in /proc and in the directories of control groups. */

/* All of the file, to be freed; NULL if it cannot be read, or without memory. */
char *file_read(const char *path);
/* The same of DIRECTORY/NAME below root, which may be "". */
char *file_read_in(const char *root, const char *directory, const char *name);
/* Writes the text into DIRECTORY/NAME with one write, as the kernel wants it. Returns 0 or -errno. */
int file_write_in(const char *directory, const char *name, const char *text);
