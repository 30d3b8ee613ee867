"""What the stand-in commands on a host's PATH do: each reads and changes the world of the site."""
