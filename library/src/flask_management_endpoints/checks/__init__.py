"""What a check is and what its answer means. Running them (threads, deadlines, sharing) is in ``execution``."""
