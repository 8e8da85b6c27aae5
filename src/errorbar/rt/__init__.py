"""When does a compound elute in this species and this run, and how sure are we?"""
