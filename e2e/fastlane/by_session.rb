# A life cycle of what signing needs, by spaceship's own functions with a session (`FASTLANE_SESSION`). Nothing of spaceship
# is patched: a proxy and a CA lead it to the sandbox under Apple's names.
require "spaceship"

# Xcode's own listing refuses this version since 2022.
ENV["SPACESHIP_AVOID_XCODE_API"] = "1"
portal = Spaceship::Portal
portal.login(ENV["FASTLANE_USER"], ENV["FASTLANE_PASSWORD"])
portal.client.team_id = portal.client.teams.first["teamId"]

app = portal.app.create!(bundle_id: "com.example.ship", name: "Ship")
app.update_service(portal.app_service.push_notification.on)
app.update_name!("Ship renamed")
group = portal.app_group.create!(group_id: "group.com.example.ship", name: "Group")
app.associate_groups([group])
merchant = portal.merchant.create!(bundle_id: "merchant.com.example.ship", name: "Shop")
app.associate_merchants([merchant])
found = portal.app.find("com.example.ship")
puts "app=#{found.name} push=#{found.details.features['push']} groups=#{found.details.associated_groups.map(&:group_id).join(',')}"

request, key = portal.certificate.create_certificate_signing_request
certificate = portal.certificate.apple_development.create!(csr: request)
puts "certificate=#{certificate.class.name.split('::').last} of_the_key=#{certificate.download.check_private_key(key)}"

device = portal.device.create!(name: "Ship", udid: "00008120-00001111222244AA")
device.disable!
device.enable!
profile = portal.provisioning_profile.development.create!(
  bundle_id: "com.example.ship", certificate: [certificate], devices: [device], name: "Ship profile"
)
puts "profile=#{profile.name} plist=#{profile.download.include?('DOCTYPE plist PUBLIC')}"
app.update_service(portal.app_service.siri_kit.on)
invalid = portal.provisioning_profile.development.all.find { |one| one.name == "Ship profile" }
puts "after a change=#{invalid.status}"
invalid.repair!
repaired = portal.provisioning_profile.development.all.find { |one| one.name == "Ship profile" }
puts "repaired=#{repaired.status}"

pass = portal.passbook.create!(bundle_id: "pass.com.example.ship", name: "Pass")
puts "passes=#{portal.passbook.all.map(&:bundle_id).join(',')} merchants=#{portal.merchant.all.map(&:bundle_id).join(',')}"
pass.delete!

repaired.delete!
certificate.revoke!
merchant.delete!
group.delete!
app.delete!
apps = portal.app.all.map(&:bundle_id)
puts "left=#{(apps + portal.app_group.all + portal.merchant.all + portal.passbook.all + portal.provisioning_profile.all).length} certificates=#{portal.certificate.all.length}"
Api = Spaceship::ConnectAPI
puts "v1: #{Api::BundleId.all.count} #{Api::Device.all.count} #{Api::Certificate.all.count} #{Api::Profile.all.count}"
puts "done"
