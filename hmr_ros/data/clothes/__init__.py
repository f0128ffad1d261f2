"""How people look: paint, garments and hair with a shape of their own, and what they carry."""
