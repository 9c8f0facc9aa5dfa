#pragma once
// Operations that several parts of the program put, and the results that they read.
#include "compound.h"

/// Bits of a bitmap4: what Linux's client asks of a file (RFC 8881 §5.6, §5.7).
enum {
    /// type, change, size, fsid, fileid.
    attributes_low = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 8 | 1 << 20,
    /// Beside them of an entry of a directory: rdattr_error, filehandle.
    attributes_low_of_entry = 1 << 11 | 1 << 19,
    /// mode, numlinks, owner, owner_group, rawdev, space_used; time_access, _metadata, _modify; mounted_on_fileid.
    attributes_high = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 13 | 1 << 15 | 1 << 20 | 1 << 21 | 1 << 23,
};

void put_handle(struct compound *compound, const struct handle *handle);
/// GETATTR of what Linux's client asks for when it looks a name up.
void put_get_attributes(struct compound *compound);
/// The attributes of a new file or directory: its mode alone.
void put_mode(struct xdr_writer *to, uint32_t mode);
void put_lookup(struct compound *compound, const char *name);
void put_make_directory(struct compound *compound, const char *name, uint32_t mode);
void put_remove(struct compound *compound, const char *name);

enum access { access_read = 1, access_write = 2, access_both = 3 };
enum creation { create_never, create_new, create_if_missing };

/// OPEN by name in the current directory, with GETFH behind it.
void put_open(struct compound *compound, struct slot *slot, const char *name, enum access access,
              enum creation creation);
/// 4.0: confirms a new open-owner.
void put_open_confirm(struct compound *compound, struct slot *slot, const struct open_file *file);
void put_close(struct compound *compound, struct slot *slot, const struct open_file *file);

/// Answers OPEN's status, and fills in the state id when it is NFS4_OK; the handle follows with `get_handle`.
uint32_t get_open(struct reply *reply, struct open_file *file);
uint32_t get_open_confirm(struct reply *reply, struct open_file *file);
uint32_t get_close(struct reply *reply);
uint32_t get_handle(struct reply *reply, struct handle *handle);
