"""The networks. Everything here is torch; the running node uses their exported form."""
