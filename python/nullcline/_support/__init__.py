"""What every room uses: checks of arguments, files moved into place, archives, versions."""
