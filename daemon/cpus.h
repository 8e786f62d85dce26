#pragma once

/* How many CPUs this process, and with it the workers, may use. */

/* Those that the affinity allows; at least 1. */
unsigned cpus_allowed(void);
/* Those that the CPU quota of its control group is for, rounded up; of the groups around it, too, for the least one
 * holds. 0 = no quota. root: "", or a directory that holds proc and the mounts instead of /. */
unsigned cpus_quota(const char *root);
