private import CLinux

/// What a program that moves file data asks of the host's allocator.
package enum HostMemory {
    /// 8 MiB: more than the largest buffer of a call, which is a tile of 4 MiB.
    private static let mappedBytesMin = 8 << 20
    /// 64 MiB: the end of a heap that is kept, though free, for the next buffers.
    private static let keptBytesMax = 64 << 20

    /// Lets freed buffers serve the next call; to be called once, when the program starts.
    ///
    /// Without it the allocator gives the pages of large buffers back to the kernel, and every other read
    /// pays for fresh ones: 90,000 page faults for 1 GiB read in calls of 1 MiB (docs/decisions/0007).
    package static func keepBuffers() {
        varve_keep_buffers(mappedBytesMin, keptBytesMax)
    }

    /// Gives free memory back to the kernel; to be called now and then.
    ///
    /// What many clients held at one time leaves heaps full of holes, which the allocator keeps: a quarter of a busy daemon's memory.
    /// Whoever allocates in a heap that is being looked through waits some milliseconds.
    package static func giveBack() {
        varve_give_back()
    }
}
